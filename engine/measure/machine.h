#pragma once

#include <string>

namespace betimes::measure {

/// What stands beside every result: the machine and what it can do at most.
struct Machine {
  std::string cpu;
  int cpus = 0;
  std::string isa;  // the level kernels use
  int threads = 1;
  double read_gb_per_s = 0;     // memory read bandwidth with `threads` threads, 1e9 bytes
  double peak_gflops_fp32 = 0;  // multiply-accumulates from registers, two operations each
  double peak_gops_int8 = 0;    // at the level's best int8 instruction
  double peak_gflops_bf16 = 0;  // 0 where the level has no such instruction
  std::string os;
  std::string compiler;
  std::string onednn;
};

/// Identifies and measures this machine with `threads` pinned threads at the active instruction-set
/// level; takes about 0.2 s. Each figure is the best of a few short tries: what the hardware can
/// do, not what it does under load. Throws Error when so many threads can't be had.
Machine probe_machine(int threads);

}  // namespace betimes::measure

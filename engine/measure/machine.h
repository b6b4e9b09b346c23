#pragma once

#include <string>

namespace betimes::measure {

/// What stands beside every result: the machine and what it can do at most.
struct Machine {
  std::string cpu;
  int cpus = 0;
  std::string isa;      // the level kernels use
  int threads = 1;
  double read_gb_per_s = 0;     // memory read bandwidth with `threads` threads
  double peak_gflops_fp32 = 0;  // fused multiply-add, two operations each
  double peak_gops_int8 = 0;    // at the level's best int8 instruction
  std::string os;
  std::string compiler;
  std::string onednn;
};

/// Identifies and measures this machine; takes about 0.2 s.
Machine probe_machine(int threads);

}  // namespace betimes::measure

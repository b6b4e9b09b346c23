#include "betimes/measure/machine.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <limits>

#include "betimes/base/cpu.h"
#include "betimes/base/threads.h"
#include "betimes/measure/detail/peak.h"
#include "betimes/tensor/tensor.h"

namespace betimes::measure {
namespace {

constexpr int tries = 10;
constexpr double try_seconds = 0.002;
constexpr size_t granule = 4096;

template <class F>
double seconds(const F& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Twice the last-level cache, so that each pass finds little of it there, within what this machine
/// can spare.
size_t bandwidth_bytes() {
  const auto cache = static_cast<size_t>(cpu_info().l3_bytes + cpu_info().l2_bytes);
  const auto free_bytes = static_cast<size_t>(std::max(::sysconf(_SC_AVPHYS_PAGES), 0L)) *
                          static_cast<size_t>(std::max(::sysconf(_SC_PAGESIZE), 0L));
  const size_t wanted = std::clamp(2 * cache, size_t{64} << 20, size_t{256} << 20);
  return std::clamp(free_bytes / 8, size_t{1} << 20, wanted);
}

double read_bandwidth(const detail::PeakKernels& kernels, int threads) {
  const size_t share = bandwidth_bytes() / static_cast<size_t>(threads) / granule * granule;
  Buffer buffer(share * static_cast<size_t>(threads));
  uint64_t checksum = 0;
  const auto pass = [&] {
#pragma omp parallel num_threads(threads) reduction(+ : checksum)
    checksum +=
        kernels.read(buffer.data() + share * static_cast<size_t>(omp_get_thread_num()), share);
  };
  // Each thread touches its own part first, so that it lies on its own node.
#pragma omp parallel num_threads(threads)
  std::memset(buffer.data() + share * static_cast<size_t>(omp_get_thread_num()), 1, share);
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < tries; ++i) best = std::min(best, seconds(pass));
  asm volatile("" : : "r"(checksum));
  return static_cast<double>(buffer.size()) / best * 1e-9;
}

/// Operations per second, in 1e9, of all threads together.
double peak(void (*kernel)(int64_t), double macs_per_round, int threads) {
  if (!kernel) return 0;
  int64_t rounds = 1024;
  const auto all = [&] {
#pragma omp parallel num_threads(threads)
    kernel(rounds);
  };
  double best = seconds(all);
  // Grow until a try is long enough to outlast the clock and the fork of the team.
  while (best < try_seconds / 2 && rounds < (int64_t{1} << 40)) {
    rounds = static_cast<int64_t>(static_cast<double>(rounds) *
                                  std::clamp(try_seconds / std::max(best, 1e-9), 2.0, 64.0));
    best = seconds(all);
  }
  for (int i = 1; i < tries; ++i) best = std::min(best, seconds(all));
  return 2 * macs_per_round * static_cast<double>(rounds) * threads / best * 1e-9;
}

std::string system_name() {
  std::string pretty;
  std::ifstream release("/etc/os-release");
  for (std::string line; std::getline(release, line);) {
    if (!line.starts_with("PRETTY_NAME=")) continue;
    pretty = line.substr(std::strlen("PRETTY_NAME="));
    std::erase(pretty, '"');
  }
  utsname kernel{};
  if (::uname(&kernel) != 0) return pretty;
  const std::string running = std::string(kernel.sysname) + " " + kernel.release;
  return pretty.empty() ? running : pretty + ", " + running;
}

std::string onednn_version() {
  const dnnl_version_t* version = dnnl_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

}  // namespace

Machine probe_machine(int threads) {
  Machine machine;
  const PinnedTeam team(threads);
  machine.cpu = cpu_info().model;
  machine.cpus = cpu_info().cpus;
  machine.isa = name(active_isa());
  machine.threads = threads;
  const detail::PeakKernels& kernels = detail::peak_kernels(active_isa());
  machine.peak_gflops_fp32 = peak(kernels.fp32, kernels.fp32_macs, threads);
  machine.peak_gops_int8 = peak(kernels.int8, kernels.int8_macs, threads);
  machine.peak_gflops_bf16 = peak(kernels.bf16, kernels.bf16_macs, threads);
  machine.read_gb_per_s = read_bandwidth(kernels, threads);
  machine.os = system_name();
#ifdef __clang__
  machine.compiler = "Clang " __clang_version__;
#else
  machine.compiler = "GCC " __VERSION__;
#endif
  machine.onednn = onednn_version();
  return machine;
}

}  // namespace betimes::measure

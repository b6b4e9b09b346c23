#include "betimes/base/threads.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <string>
#include <vector>

#include "betimes/base/error.h"

namespace betimes {
namespace {

/// The process's CPUs, read once: later the calling thread may be pinned to one of them.
const std::vector<int>& allowed_cpus() {
  static const std::vector<int> cpus = [] {
    std::vector<int> found;
    cpu_set_t mask;
    CPU_ZERO(&mask);
    // Fails on machines with more CPUs than cpu_set_t holds; then we don't know which are ours.
    if (::sched_getaffinity(0, sizeof mask, &mask) == 0) {
      for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &mask)) found.push_back(cpu);
      }
    }
    return found;
  }();
  return cpus;
}

bool bind_this_thread(const int* first, const int* last) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  std::for_each(first, last, [&](int cpu) { CPU_SET(cpu, &mask); });
  return ::sched_setaffinity(0, sizeof mask, &mask) == 0;
}

void check(int threads) {
  if (threads >= 1 && threads <= available_cpus()) return;
  throw Error("threads", std::to_string(threads) + " can't be had here",
              "1 to " + std::to_string(available_cpus()));
}

}  // namespace

int available_cpus() {
  const size_t known = allowed_cpus().size();
  return known ? static_cast<int>(known) : std::max(1, omp_get_num_procs());
}

void set_threads(int threads) {
  check(threads);
  omp_set_num_threads(threads);
}

int threads() { return omp_get_max_threads(); }

TeamSize::~TeamSize() { omp_set_num_threads(before_); }

PinnedTeam::PinnedTeam(int threads) : threads_(threads), threads_before_(betimes::threads()) {
  set_threads(threads);
  const std::vector<int>& cpus = allowed_cpus();
  if (cpus.empty() || threads == 1) return;
  bool all = true;
#pragma omp parallel num_threads(threads) reduction(&& : all)
  {
    const int* mine = cpus.data() + omp_get_thread_num();
    all = bind_this_thread(mine, mine + 1);
  }
  pinned_ = all;
}

PinnedTeam::~PinnedTeam() {
  const std::vector<int>& cpus = allowed_cpus();
  if (!cpus.empty() && threads_ > 1) {
#pragma omp parallel num_threads(threads_)
    bind_this_thread(cpus.data(), cpus.data() + cpus.size());
  }
  omp_set_num_threads(threads_before_);
}

}  // namespace betimes

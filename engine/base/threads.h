#pragma once

namespace betimes {

/// Sets how many threads parallel regions started by the calling thread use (oneDNN and our kernels
/// share OpenMP's team). `threads` >= 1; more than the CPUs available throws Error.
void set_threads(int threads);
int threads();

/// Pins the calling thread's OpenMP team to CPUs 0..threads-1 of this process's affinity mask, one
/// each, so that two threads never land on one core. Undone by destruction.
class PinnedTeam {
 public:
  explicit PinnedTeam(int threads);
  ~PinnedTeam();
  PinnedTeam(const PinnedTeam&) = delete;
  PinnedTeam& operator=(const PinnedTeam&) = delete;

 private:
  int threads_;
};

}  // namespace betimes

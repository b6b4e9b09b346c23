#pragma once

namespace betimes {

/// CPUs this process may use (its affinity mask when first asked, before anything is pinned).
int available_cpus();

/// Sets how many threads parallel regions started by the calling thread use (oneDNN and our kernels
/// share OpenMP's team). `threads` >= 1; more than available_cpus() throws Error.
void set_threads(int threads);
int threads();

/// The number of threads while it lives; the one before afterwards. oneDNN shapes a primitive for
/// the team that the thread which creates it would start.
class TeamSize {
 public:
  /// Throws Error as set_threads does.
  explicit TeamSize(int wanted) : before_(threads()) { set_threads(wanted); }
  ~TeamSize();
  TeamSize(const TeamSize&) = delete;
  TeamSize& operator=(const TeamSize&) = delete;

 private:
  int before_;
};

/// Pins the calling thread's OpenMP team to CPUs 0..threads-1 of this process's affinity mask, one
/// each, so that two threads never land on one core. A team of one is left to the system, which
/// knows the idle CPU. Sets the team's size too. Undone by destruction, on the thread that made it.
class PinnedTeam {
 public:
  /// Throws Error when `threads` is less than 1 or more than available_cpus().
  explicit PinnedTeam(int threads);
  ~PinnedTeam();
  PinnedTeam(const PinnedTeam&) = delete;
  PinnedTeam& operator=(const PinnedTeam&) = delete;

  /// False for a team of one, and when the system refused (some sandboxes do).
  bool pinned() const { return pinned_; }

 private:
  int threads_;
  int threads_before_;
  bool pinned_ = false;
};

}  // namespace betimes

#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "betimes/runtime/plan.h"

namespace betimes::runtime {

/// When a run that isn't done is given up.
struct StopWhen {
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
  /// Set by another thread.
  const std::atomic<bool>* cancelled = nullptr;
};

/// Runs a plan. Holds the activations' arena; one session is used by one thread at a time, many
/// sessions may run at once.
class Session {
 public:
  explicit Session(std::shared_ptr<const Plan> plan);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  const Plan& plan() const;
  /// Where the arena and the plan's weights lie: what betimes::on_huge_pages counts.
  std::vector<MemoryRange> memory_ranges() const;

  /// Buffers of the graph's inputs and outputs, in their declared order, dense row-major. Write the
  /// inputs, call run(), read the outputs: no copy beyond what the plan's layouts need, no
  /// allocation by Betimes, no lock.
  std::span<const TensorView> inputs() const;
  std::span<const TensorView> outputs() const;
  void run();
  /// The same, but looks before each step whether to give up. Returns the index in plan().steps()
  /// of the step it stopped before, nullopt when all ran; after a stop the outputs mean nothing,
  /// and the session can run again.
  std::optional<size_t> run_until(const StopWhen& stop);

  /// Checks names, types and shapes, copies in, runs, copies out. For convenience, not for speed.
  std::map<std::string, Tensor> run(const std::map<std::string, Tensor>& inputs);

  /// Runs once and stores the nanoseconds of each step (as many as plan().steps()) and, last, of
  /// the whole run. `nanoseconds` has steps + 1 elements.
  void run_profiled(std::span<int64_t> nanoseconds);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace betimes::runtime

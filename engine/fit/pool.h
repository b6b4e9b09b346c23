#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "betimes/fit/ledger.h"

namespace betimes::fit {

/// Finds out what a setting is worth. What it throws makes the setting failed, with the message as
/// the reason, and so does an outcome that isn't finite.
using Evaluator = std::function<Outcome(const Setting&)>;

/// What became of one evaluation.
struct Evaluation {
  std::optional<Outcome> found;  // nullopt: it failed
  std::string failure;
  double seconds = 0;
};

/// Here and now. Throws nothing that `evaluator` does.
Evaluation evaluate(const Evaluator& evaluator, const Setting& setting);

/// Evaluates many settings, several at once where it can. Used by one thread.
class Pool {
 public:
  using Done = std::function<void(size_t index, Evaluation evaluation)>;

  virtual ~Pool() = default;
  /// Begins with the settings in order and calls `done` as each ends, in whatever order that is.
  /// Once `stop` says true no other one is begun: those begun are still waited for.
  virtual void evaluate(const std::vector<Setting>& settings, const Done& done,
                        const std::function<bool()>& stop) = 0;
};

struct PoolOptions {
  /// Processes forked from this one; 0: everything is evaluated in this process, one after the
  /// other, and nothing protects it from what an evaluation does.
  int workers = 0;
  /// A worker that takes longer is killed, and its setting failed; 0: no limit. Needs workers.
  double evaluation_seconds = 0;
};

/// Workers are copies of this process as it is now: what the evaluator refers to is theirs to
/// change and nobody else sees it. A worker that dies or takes too long is replaced by a new copy.
/// Each evaluates in a thread of its own, so that an OpenMP team of this process isn't waited for
/// in one that hasn't got its threads. Throws Error for options that make no sense and when no
/// process can be had.
std::unique_ptr<Pool> make_pool(Evaluator evaluator, const KnobSpace& space,
                                const PoolOptions& options = {});

/// As make_pool(), for evaluators elsewhere.
using PoolMaker = std::function<std::unique_ptr<Pool>(Evaluator evaluator, const KnobSpace& space,
                                                      const PoolOptions& options)>;

}  // namespace betimes::fit

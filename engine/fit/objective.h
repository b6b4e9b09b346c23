#pragma once

#include <string>

#include "betimes/fit/budget.h"
#include "betimes/fit/ledger.h"

namespace betimes::fit {

/// The largest ratio of what was measured to what the budget allows, over its latency bounds and
/// its bound on memory: <= 1 is within, 0 where nothing is bounded. A bounded statistic that the
/// outcome doesn't name is taken to be its latency_ms; memory that it doesn't name is infinite.
double pressure(const Budget& budget, const Outcome& outcome);
/// Whether all of the budget holds, the floor on quality included.
bool holds(const Budget& budget, const Outcome& outcome);

/// What a search maximises: a number made of an entry's quality and its pressure on a budget.
class Objective {
 public:
  /// Quality subject to the budget. What keeps the budget scores its quality (in [0, 1]); what
  /// doesn't scores below 0, the lower the worse its worst ratio to a bound: -(1 - 1 / ratio).
  static Objective under(Budget budget);
  /// quality * (latency / target)^w, where w is `within` for latencies up to the target and
  /// `beyond` above (Tan et al., MnasNet, 2019, equations 2 and 3: -0.07 for both lets 5 % of
  /// quality buy half the latency; 0 and -1 makes the target nearly hard). Throws Error unless
  /// target_ms > 0 and both are finite and <= 0.
  static Objective weighted(double target_ms, double within = -0.07, double beyond = -0.07);

  /// "quality under p99<=5ms", "quality * (latency / 5 ms)^-0.07".
  const std::string& name() const { return name_; }
  /// Of weighted(): a bound at the target.
  const Budget& budget() const { return budget_; }
  /// Whether the budget is a constraint, or only what latency is related to.
  bool constrained() const { return constrained_; }

  double pressure(const Outcome& outcome) const { return fit::pressure(budget_, outcome); }
  double score(double quality, double pressure) const;
  /// Of a failed entry: -infinity.
  double operator()(const Entry& entry) const;
  bool holds(const Entry& entry) const;
  /// Keeping the budget goes before the score, and of equal scores the faster one is better.
  bool better(const Entry& a, const Entry& b) const;

 private:
  Objective() = default;

  std::string name_;
  Budget budget_;
  bool constrained_ = true;
  double within_ = 0, beyond_ = 0;
};

/// The best entry that an evaluation succeeded for; nullptr: none.
const Entry* best(const Ledger& ledger, const Objective& objective);

}  // namespace betimes::fit

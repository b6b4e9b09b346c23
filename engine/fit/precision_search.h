#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "betimes/fit/knapsack.h"
#include "betimes/fit/latency_model.h"
#include "betimes/fit/sensitivity.h"
#include "betimes/fit/variant.h"

namespace betimes::fit {

/// What the additive model believes of a variant, before anything of it runs.
struct Estimate {
  double ms = 0;
  double loss = 0;
};

/// Chooses precisions per node under a latency budget, by models only.
class PrecisionSearch {
 public:
  PrecisionSearch(const Variants& variants, const LatencyModel& latency, const Losses& losses);

  /// Assignments that the models put on the frontier, fastest first, at most `count`; the first is
  /// the fastest and the last is all fp32.
  std::vector<Assignment> frontier(Calibration calibration, int threads, size_t count) const;
  /// The least lossy assignment that the models put under `budget_ms`.
  Assignment under(double budget_ms, Calibration calibration, int threads) const;
  Estimate estimate(const Assignment& assignment) const;

 private:
  std::vector<std::vector<Choice>> groups() const;
  Assignment improve(Assignment assignment, double budget_ms) const;
  Precision precision_at(size_t choice) const;
  Assignment from_selection(const std::vector<size_t>& chosen, Calibration calibration,
                            int threads) const;

  const Variants& variants_;
  const LatencyModel& latency_;
  const Losses& losses_;
  graph::Uses uses_;
  double rest_ms_ = 0;  // of everything that isn't a node with a choice
  std::map<std::string, double> value_bytes_;
};

}  // namespace betimes::fit

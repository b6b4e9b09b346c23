#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "betimes/judge/series_metric.h"

namespace betimes::systems::pate {

/// The sum of false-negative weights while alarms come one by one, O(log n) each for an interval of
/// n points. Let c be the length of the first run of alarms inside interval [a, b] (the rule of the
/// public code). A missed point up to a + c weighs 1, a later one
///   1 - sum over u = a..a+c of |x - u| / sum over u = a..b of |b - u|,
/// and every point of an interval without an alarm weighs 1. Buffers play no part in it.
class Missed {
 public:
  /// `points`: length of the series.
  Missed(std::span<const judge::Stretch> intervals, int64_t points);

  /// An alarm at a point inside interval `k` that had none.
  void hit(size_t k, int64_t at);
  double weight() const { return sum_; }

 private:
  struct State {
    judge::Stretch interval;
    double weight = 0;  // of its missed points
    int64_t hits = 0;
    int64_t first = 0;  // the first hit
  };
  double weigh(const State& state) const;
  int64_t join_runs(const State& state, int64_t at);
  void count(const State& state, int64_t at);

  std::vector<State> states_;
  std::vector<int64_t> run_end_, run_start_;  // of runs of hits, at their first and last point
  std::vector<bool> hit_;
  // Fenwick trees (1994) over each interval, one after the other: hits, and sums of their offsets.
  std::vector<double> hits_, offsets_;
  double sum_ = 0;
};

}  // namespace betimes::systems::pate

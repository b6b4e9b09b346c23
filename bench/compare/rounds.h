#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "betimes/base/statistics.h"

namespace betimes::bench {

/// How long to look. A turn is one side's consecutive runs; a round is one turn each, in an order
/// drawn anew.
struct Effort {
  int rounds = 20;
  double turn_ms = 60;   // aimed at; a turn has at least three runs
  double pause_ms = 20;  // before a turn, so that the other side's threads have stopped spinning
  uint64_t seed = 1;
};

struct Side {
  double p50_ms = 0;
  double p99_ms = 0;
};

using Milliseconds = std::vector<double>;

/// Runs one side so many times in a row and says how long each took.
using Turn = std::function<Milliseconds(int64_t)>;

/// Times each of `count` calls of `run`.
Milliseconds time_each(const std::function<void()>& run, int64_t count);

/// Everything the rounds measure.
struct Rounds {
  Milliseconds ours, theirs;
  Milliseconds our_medians, their_medians;  // one a round
};

/// `after_theirs` is called after each of the peer's turns, for what its calls cost in between.
Rounds run_rounds(const Turn& ours, const Turn& theirs, const Effort& effort,
                  const std::function<void()>& after_theirs = {});

Side summary(Milliseconds samples);

/// Per round the log of theirs / ours, with `call_ms` taken off theirs.
std::vector<double> log_ratios(const Rounds& rounds, double call_ms = 0);

struct MeanRatio {
  double ratio = 1;
  Interval interval;  // 95 %
};

/// Geometric mean over rounds, and over models where there are several, each of which counts the
/// same; the interval by resampling rounds within each model.
MeanRatio mean_ratio(const std::vector<std::vector<double>>& log_ratios, uint64_t seed);

}  // namespace betimes::bench

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/compare/models.h"
#include "bench/compare/peer.h"
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

/// One model, one precision, one number of threads: both sides, interleaved.
struct Comparison {
  std::string model;
  std::string precision;
  int threads = 1;
  Side ours;
  Side theirs;
  double call_ms = 0;     // the peer's call with nothing to compute, through Node
  int64_t runs = 0;       // of each side
  double raw_ratio = 0;   // theirs / ours, medians as measured: above 1 we are faster
  double ratio = 0;       // the same with `call_ms` taken off theirs
  Interval interval;      // of `ratio`, 95 %
  double difference = 0;  // largest |ours - theirs| over all outputs, divided by each one's largest
  /// Per round: log of the ratio of the two medians, for means over models.
  std::vector<double> log_ratios;
};

Comparison compare(const Model& model, const std::string& file, const std::string& precision,
                   int threads, Peer& peer, const std::string& scratch, const Effort& effort);

/// Geometric mean of the ratios with its interval, by resampling rounds within each model.
struct MeanRatio {
  double ratio = 1;
  Interval interval;
};
MeanRatio geometric_mean(const std::vector<const Comparison*>& comparisons, uint64_t seed);

}  // namespace betimes::bench

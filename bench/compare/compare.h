#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/compare/models.h"
#include "bench/compare/peer.h"
#include "bench/compare/rounds.h"

namespace betimes::bench {

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
MeanRatio geometric_mean(const std::vector<const Comparison*>& comparisons, uint64_t seed);

}  // namespace betimes::bench

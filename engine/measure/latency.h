#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace betimes::measure {

/// A quantile of measured latencies with the order-statistics confidence interval around it, in
/// milliseconds, and whether the number of runs supports the claim (MLPerf's early-stopping rule).
struct Percentile {
  double value = 0;
  double low = 0;
  double high = 0;
  bool valid = false;
  int64_t more_runs = 0;  // how many more would make it valid; 0 when it is
};

struct Options {
  double percentile = 0.99;      // the highest percentile that must be valid
  double confidence = 0.99;      // of early stopping
  double interval_level = 0.95;  // of the intervals
  double max_seconds = 10;       // wall-clock bound, warm-up included
  int64_t min_runs = 64;
  int64_t max_runs = 1'000'000;
  std::function<void(double fraction)> progress;  // may be empty
};

/// Latency of repeated runs of one thing on this machine.
struct Latency {
  Percentile p50, p90, p99;
  double first_ms = 0;          // the very first run: cold caches, page faults, lazy set-up
  double mean_ms = 0;
  int64_t warmup_runs = 0;
  int64_t runs = 0;
  bool drift_stopped = false;   // false: the time bound ended the warm-up before drift did
  bool valid = false;           // the percentile asked for is valid
  std::string invalid_reason;   // one sentence that says how many more runs would settle it
  std::vector<double> samples_ms;  // after warm-up, in order
};

/// Calls `run` until drift stops (medians of successive windows agree), then as often as the
/// percentile needs and the time allows.
Latency measure(const std::function<void()>& run, const Options& options = {});

/// The same for several alternatives, interleaved run by run in a shuffled order, so that the
/// machine's drift falls on all alike.
std::vector<Latency> measure_interleaved(const std::vector<std::function<void()>>& runs,
                                         const Options& options, uint64_t seed);

}  // namespace betimes::measure

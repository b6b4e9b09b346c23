#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace betimes::measure {

/// A quantile of measured latencies with the order-statistics confidence interval around it, in
/// milliseconds, and whether the number of runs supports the claim (MLPerf's early-stopping rule).
struct Percentile {
  double value = 0;
  double low = 0;
  double high =
      0;  // with too few runs for `interval_level`, low and high are the extremes measured
  bool valid = false;
  int64_t more_runs = 0;  // how many more would make it valid; 0 when it is
  double bound = 0;  // MLPerf's estimate: the quantile lies below with `confidence`; 0 until valid
};

struct Options {
  double percentile = 0.99;      // the highest percentile that must be valid
  double confidence = 0.99;      // of early stopping
  double interval_level = 0.95;  // of the intervals
  double max_seconds = 10;       // wall-clock bound, warm-up included, of all alternatives together
  double min_seconds = 0.25;     // quick runs are repeated for so long, to see the system's noise
  int64_t min_runs = 64;
  int64_t max_runs = 1'000'000;
  /// Interleaved alternatives take turns of so many runs. When it is over 1 the first run of a turn
  /// isn't sampled: it brings back the caches that the other alternatives have taken.
  int64_t turn = 8;
  std::function<void(double fraction)> progress;  // may be empty
};

/// Latency of repeated runs of one thing on this machine.
struct Latency {
  Percentile p50, p90, p99;
  Percentile asked;  // at `percentile`, which was asked for
  double percentile = 0.99;
  double first_ms = 0;  // the very first run: cold caches, page faults, lazy set-up
  double mean_ms = 0;
  double deviation_ms = 0;  // median absolute deviation from the median
  double timer_ms = 0;      // what reading the clock adds to each sample
  int64_t warmup_runs = 0;
  int64_t runs = 0;
  bool drift_stopped = false;      // false: the time bound ended the warm-up before drift did
  bool valid = false;              // the percentile asked for is valid
  std::string invalid_reason;      // one sentence that says how many more runs would settle it
  std::vector<double> samples_ms;  // after warm-up, in order
};

/// Calls `run` until drift stops (medians of successive windows agree), then as often as the
/// percentile needs and the time allows. The clock is std::chrono::steady_clock; nothing is
/// allocated between the first and the last sample. Throws Error for options that make no sense;
/// what `run` throws passes through.
Latency measure(const std::function<void()>& run, const Options& options = {});

/// The same for several alternatives, interleaved turn by turn in a shuffled order, so that the
/// machine's drift falls on all alike.
std::vector<Latency> measure_interleaved(const std::vector<std::function<void()>>& runs,
                                         const Options& options, uint64_t seed);

/// What samples that exist already (in order) amount to.
Latency summarize(std::vector<double> samples_ms, const Options& options = {});

/// "p99" -> 0.99, "p99.9" -> 0.999; throws Error unless 0 < percentile < 100.
double parse_percentile(const std::string& text);
/// 0.99 -> "p99".
std::string percentile_name(double percentile);

}  // namespace betimes::measure

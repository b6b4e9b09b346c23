#pragma once

#include <vector>

namespace betimes::report::detail {

/// Two sets of latencies over the same bins.
struct Histogram {
  std::vector<double> edges;  // milliseconds; one more than bins; empty when there are no samples
  std::vector<double> original;  // share of the runs in each bin
  std::vector<double> fitted;
  double original_beyond = 0;  // share of the runs above the last edge
  double fitted_beyond = 0;
  bool logarithmic = false;  // bins of equal ratio, where the two lie far apart
};

/// The bins reach from the fastest run to a little over both p99.5, so that one stray run doesn't
/// flatten everything else. Samples that aren't finite and positive are left out.
Histogram histogram(const std::vector<double>& original_ms, const std::vector<double>& fitted_ms);

}  // namespace betimes::report::detail

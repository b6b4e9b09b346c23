#include "betimes/judge/rhythm.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "betimes/base/statistics.h"

namespace betimes::judge {
namespace {

constexpr size_t most_points = 20'000;
constexpr size_t most_lags = 400;
constexpr size_t least_lag = 3;
constexpr size_t highest_index = 300;
constexpr int64_t standard = 100;

/// Autocovariances of lags least_lag..most_lags, each over all the points (the biased estimate).
std::vector<double> autocovariances(std::span<const double> values) {
  const double mean = betimes::mean(values);
  std::vector<double> found;
  for (size_t lag = least_lag; lag <= most_lags && lag < values.size(); ++lag) {
    double sum = 0;
    for (size_t i = lag; i < values.size(); ++i)
      sum += (values[i] - mean) * (values[i - lag] - mean);
    found.push_back(sum);
  }
  return found;
}

}  // namespace

int64_t rhythm(std::span<const double> values) {
  const std::vector<double> by_lag =
      autocovariances(values.first(std::min(values.size(), most_points)));
  std::optional<size_t> best;
  for (size_t i = 1; i + 1 < by_lag.size(); ++i) {
    const bool peak = by_lag[i] > by_lag[i - 1] && by_lag[i] > by_lag[i + 1];
    if (peak && (!best || by_lag[i] > by_lag[*best])) best = i;
  }
  if (!best || *best < least_lag || *best > highest_index) return standard;
  return static_cast<int64_t>(*best + least_lag);
}

}  // namespace betimes::judge

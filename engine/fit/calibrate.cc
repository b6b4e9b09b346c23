#include "betimes/fit/calibrate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace betimes::fit {
namespace {

constexpr double outlier_share = 1e-4;
constexpr size_t levels = 128;  // half of the 256: the rest is the sign's, or finer than needed

double center(const Distribution& seen, size_t bin) {
  const double width = (static_cast<double>(seen.high) - seen.low) / seen.bins.size();
  return seen.low + (static_cast<double>(bin) + 0.5) * width;
}

Range percentile_range(const Distribution& seen) {
  const int64_t total = std::accumulate(seen.bins.begin(), seen.bins.end(), int64_t{0});
  const double allowed = outlier_share * static_cast<double>(total);
  const double width = (static_cast<double>(seen.high) - seen.low) / seen.bins.size();
  size_t first = 0;
  for (double left = 0; first + 1 < seen.bins.size(); ++first) {
    left += static_cast<double>(seen.bins[first]);
    if (left > allowed) break;
  }
  size_t last = seen.bins.size() - 1;
  for (double right = 0; last > first; --last) {
    right += static_cast<double>(seen.bins[last]);
    if (right > allowed) break;
  }
  return {static_cast<float>(seen.low + static_cast<double>(first) * width),
          static_cast<float>(seen.low + static_cast<double>(last + 1) * width)};
}

/// The distribution of magnitudes, on as many bins over [0, largest magnitude].
std::vector<double> magnitudes(const Distribution& seen, double largest) {
  std::vector<double> result(seen.bins.size(), 0.0);
  for (size_t i = 0; i < seen.bins.size(); ++i) {
    const double share = std::fabs(center(seen, i)) / largest;
    const auto bin = static_cast<size_t>(share * static_cast<double>(result.size()));
    result[std::min(bin, result.size() - 1)] += static_cast<double>(seen.bins[i]);
  }
  // Exact zeros (after a ReLU) are represented exactly by any scale: they must not drown the rest.
  result[0] = result.size() > 1 ? result[1] : result[0];
  return result;
}

/// Divergence from the first `kept` bins, with what lies beyond moved into the last of them, to the
/// same bins quantised to `levels` levels.
double divergence(const std::vector<double>& values, size_t kept) {
  std::vector<double> clipped(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(kept));
  std::vector<double> coarse(kept, 0.0);
  for (size_t level = 0; level < levels; ++level) {
    const size_t begin = level * kept / levels;
    const size_t end = (level + 1) * kept / levels;
    double sum = 0;
    size_t occupied = 0;
    for (size_t i = begin; i < end; ++i) {
      sum += clipped[i];
      occupied += clipped[i] > 0;
    }
    for (size_t i = begin; i < end; ++i) {
      if (clipped[i] > 0) coarse[i] = sum / static_cast<double>(occupied);
    }
  }
  for (size_t i = kept; i < values.size(); ++i) clipped[kept - 1] += values[i];
  const double total = std::accumulate(clipped.begin(), clipped.end(), 0.0);
  const double coarse_total = std::accumulate(coarse.begin(), coarse.end(), 0.0);
  if (total <= 0 || coarse_total <= 0) return std::numeric_limits<double>::infinity();
  double sum = 0;
  for (size_t i = 0; i < kept; ++i) {
    if (clipped[i] <= 0) continue;
    const double p = clipped[i] / total;
    const double q = std::max(coarse[i] / coarse_total, 1e-12);
    sum += p * std::log(p / q);
  }
  return sum;
}

Range entropy_range(const Distribution& seen) {
  const double largest = std::max(std::fabs(seen.low), std::fabs(seen.high));
  const std::vector<double> values = magnitudes(seen, largest);
  size_t best = values.size();
  double least = std::numeric_limits<double>::infinity();
  for (size_t kept = levels; kept <= values.size(); kept += 16) {
    const double found = divergence(values, kept);
    if (found <= least) {
      least = found;
      best = kept;
    }
  }
  const auto limit =
      static_cast<float>(largest * static_cast<double>(best) / static_cast<double>(values.size()));
  return {std::max(seen.low, -limit), std::min(seen.high, limit)};
}

}  // namespace

std::string_view name(Calibration method) {
  switch (method) {
    case Calibration::min_max:
      return "min-max";
    case Calibration::percentile:
      return "percentile";
    case Calibration::entropy:
      break;
  }
  return "entropy";
}

std::vector<Calibration> all_calibrations() {
  return {Calibration::min_max, Calibration::percentile, Calibration::entropy};
}

Range find_range(const Distribution& seen, Calibration method) {
  Range range{seen.low, seen.high};
  if (seen.high > seen.low && !seen.bins.empty()) {
    if (method == Calibration::percentile) range = percentile_range(seen);
    if (method == Calibration::entropy) range = entropy_range(seen);
  }
  range.low = std::min(range.low, 0.0f);
  range.high = std::max(range.high, 0.0f);
  if (range.high - range.low < 1e-12f) range.high = range.low + 1.0f;
  return range;
}

}  // namespace betimes::fit

#include "betimes/measure/detail/drift.h"

#include <algorithm>
#include <cmath>

#include "betimes/base/statistics.h"

namespace betimes::measure::detail {
namespace {

constexpr double tolerance = 0.015;

}  // namespace

bool DriftWatch::stopped(const std::vector<double>& window) {
  std::rotate(medians_.rbegin(), medians_.rbegin() + 1, medians_.rend());
  medians_[0] = betimes::median(window);
  if (medians_[2] == 0) return false;
  const double spread = 1.4826 * median_absolute_deviation(window);
  // Standard error of the difference of two medians, for normal scatter.
  const double error = 1.2533 * spread * std::sqrt(2.0 / static_cast<double>(window.size()));
  const auto [low, high] = std::minmax_element(medians_.begin(), medians_.end());
  return *high - *low <= std::max(tolerance * *high, 2 * error);
}

}  // namespace betimes::measure::detail

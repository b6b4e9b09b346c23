#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace betimes::graph::detail {

/// round(x / scale) + zero_point, ties to even, saturated to To; NaN becomes the zero point.
template <class To>
To quantize(float x, float scale, int32_t zero_point) {
  const float rounded = std::nearbyint(x / scale);
  if (std::isnan(rounded)) return static_cast<To>(zero_point);
  const float value = rounded + static_cast<float>(zero_point);
  constexpr auto low = static_cast<float>(std::numeric_limits<To>::min());
  constexpr auto high = static_cast<float>(std::numeric_limits<To>::max());
  return static_cast<To>(std::clamp(value, low, high));
}

}  // namespace betimes::graph::detail

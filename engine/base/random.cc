#include "betimes/base/random.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace betimes {

uint64_t Random::below(uint64_t n) {
  // Values above the largest multiple of n would make small results likelier.
  const uint64_t limit = std::numeric_limits<uint64_t>::max() - (-n % n);
  uint64_t value = engine_();
  while (value > limit) value = engine_();
  return value % n;
}

double Random::normal() {
  const double radius = std::sqrt(-2 * std::log1p(-uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

}  // namespace betimes

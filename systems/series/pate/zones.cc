#include "systems/series/pate/zones.h"

#include <algorithm>
#include <cmath>

namespace betimes::systems::pate {
namespace {

/// D(x) / n of a point outside of the interval: the distance to its middle.
double distance(const judge::Stretch& interval, int64_t x) {
  return std::fabs(static_cast<double>(x) -
                   static_cast<double>(interval.first + interval.last) / 2);
}

}  // namespace

Zones make_zones(std::span<const judge::Stretch> intervals, int64_t points, int64_t early,
                 int64_t late) {
  const auto size = static_cast<size_t>(points);
  Zones zones{std::vector<Zone>(size, Zone::outside), std::vector<uint32_t>(size),
              std::vector<double>(size)};
  const auto set = [&](int64_t at, Zone zone, size_t owner, double weight) {
    const auto i = static_cast<size_t>(at);
    zones.zone[i] = zone;
    zones.owner[i] = static_cast<uint32_t>(owner);
    zones.weight[i] = weight;
  };
  int64_t free = 0;  // the first point that belongs to no earlier interval
  for (size_t k = 0; k < intervals.size(); ++k) {
    const judge::Stretch& interval = intervals[k];
    const int64_t next = k + 1 < intervals.size() ? intervals[k + 1].first : points;
    const int64_t start = std::max(free, interval.first - std::min(early, interval.first));
    const int64_t end = interval.last + std::min(late, next - 1 - interval.last);
    for (int64_t x = start; x < interval.first; ++x) {
      set(x, Zone::before, k, 1 - distance(interval, x) / distance(interval, start));
    }
    for (int64_t x = interval.first; x <= interval.last; ++x) set(x, Zone::inside, k, 1);
    for (int64_t x = interval.last + 1; x <= end; ++x) {
      set(x, Zone::after, k, 1 - distance(interval, x) / distance(interval, end));
    }
    free = end + 1;
  }
  return zones;
}

}  // namespace betimes::systems::pate

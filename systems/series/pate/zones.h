#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "betimes/judge/series_metric.h"

namespace betimes::systems::pate {

enum class Zone : uint8_t { outside, before, inside, after };

/// What an alarm at each point is worth for one pair of buffers: where the point lies, whose buffer
/// or interval it is in, and the true-positive weight. An alarm of weight w is w of a true and
/// 1 - w of a false positive, so precision is the sum of weights over the number of alarms. In the
/// buffer before an interval the weight holds only once an alarm lies inside the interval.
///
/// Zones (section 4 of the paper): the buffer after interval [a, b] ends at b + late or before the
/// next interval, the buffer before it begins at a - early or after the previous interval's buffer.
/// A weight there is 1 - D(x) / D(farthest point of the buffer), D(x) = sum over u = a..b of |x -
/// u|.
struct Zones {
  std::vector<Zone> zone;
  std::vector<uint32_t> owner;  // interval; 0 outside
  std::vector<double> weight;   // in [0, 1]
};

/// `intervals` as judge::stretches() gives them; buffers of 0 or more points.
Zones make_zones(std::span<const judge::Stretch> intervals, int64_t points, int64_t early,
                 int64_t late);

}  // namespace betimes::systems::pate

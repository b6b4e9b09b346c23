#pragma once

#include <cstdint>
#include <vector>

#include "betimes/base/random.h"
#include "systems/series/pate/pate.h"

namespace betimes::systems::pate {

/// A problem on which evaluations are compared.
struct Case {
  std::vector<uint8_t> labels;
  std::vector<double> scores;
  std::vector<uint8_t> alarms;
  Options options;
};

/// Up to 120 points: runs of labels from single points to half the series, one point apart and far,
/// at the edges, everywhere; scores with ties, in blocks, constant; buffers of 0 points and longer
/// than the series.
Case random_case(Random& random);

}  // namespace betimes::systems::pate

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace betimes::systems::pate {

/// One of the synthetic predictions that tell early from late alarms: an interval at 40..59 of 500
/// points and one run of alarms. Golden values are for buffers of 20 points on both sides, without
/// 0, computed with another implementation that reproduces the public README's figures for S2 (0.76
/// and 0.75).
struct Scenario {
  std::string name, what;
  std::vector<uint8_t> labels, alarms;
  double golden_f1 = 0;    // PATE-F1
  double golden_area = 0;  // PATE of the alarms as scores 0 and 1
};

/// S1 .. S10.
std::vector<Scenario> scenarios();

}  // namespace betimes::systems::pate

#pragma once

#include <array>
#include <cstdint>

#include "betimes/judge/detector.h"

namespace betimes::systems::series {

/// What anomgen puts into a series: a value for some points far off, the level moved, the cycle
/// sped up, or nothing happening at all.
enum class Anomaly { spike, level_shift, frequency_change, flat };
inline constexpr std::array all_anomalies = {Anomaly::spike, Anomaly::level_shift,
                                             Anomaly::frequency_change, Anomaly::flat};

struct AnomgenOptions {
  int64_t points = 20'000;
  int64_t anomalies = 30;
  std::vector<Anomaly> kinds = {all_anomalies.begin(), all_anomalies.end()};  // in turn
  double noise = 0.2;  // standard deviation of the AR(1) noise, against a cycle of amplitude 1
};

/// A synthetic labelled series: a cycle of 40 to 120 points with its second harmonic, AR(1) noise
/// of coefficient 0.7, and anomalies of 1 to 5 (spikes) or 20 to 100 points, at random, in slots of
/// equal length so that none touch. Throws Error where a slot is shorter than 200 points.
judge::Series anomgen(const AnomgenOptions& options, uint64_t seed);

}  // namespace betimes::systems::series

#pragma once

#include <span>

#include "systems/series/pate/pate.h"

/// PATE by its definition, one set of alarms after the other, O(thresholds N) for each pair of
/// buffers: what the incremental Scorer is tested against, and the baseline of its cost. It shares
/// nothing with it but the options.
namespace betimes::systems::pate {

double naive_area(std::span<const uint8_t> labels, std::span<const double> scores,
                  const Options& options);
double naive_f1(std::span<const uint8_t> labels, std::span<const uint8_t> alarms,
                const Options& options);

}  // namespace betimes::systems::pate

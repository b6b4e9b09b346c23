#pragma once

#include <memory>

#include "betimes/fit/workload.h"
#include "betimes/system/system.h"

namespace betimes::systems::pate {

/// method: incremental or by the definition; thresholds: all (0), 250 or 50; splits: of the
/// buffers.
fit::KnobSpace evaluation_knobs();

/// Scoring a detector's results with PATE, one labelled series a request (synthetic, 4,000 points,
/// anomgen scored by an autoregression): the knobs trade the score's precision for the time it
/// takes. Quality of a series is 1 - |PATE - exact| / exact, not below 0; exact: all thresholds, 10
/// splits.
std::unique_ptr<fit::Workload> open_evaluation(const system::OpenOptions& options);

}  // namespace betimes::systems::pate

#pragma once

#include "betimes/system/study.h"

namespace betimes::systems::sdim {

/// Collision frequencies and summed vectors against their expectations.
void check_kernel(system::Study& study);
/// Request and encoding times over history lengths, and which requests keep an objective.
void check_latency(system::Study& study);

}  // namespace betimes::systems::sdim

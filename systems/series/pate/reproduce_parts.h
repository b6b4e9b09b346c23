#pragma once

#include "betimes/system/study.h"

/// The parts of PATE's reproduction; each gives evidence for its claims.
namespace betimes::systems::pate {

void reproduce_values(system::Study& study);     // golden, public, exact
void reproduce_scenarios(system::Study& study);  // ordering, rivals
void reproduce_detectors(system::Study& study);  // adjusted, separates
void reproduce_cost(system::Study& study);       // cost

}  // namespace betimes::systems::pate

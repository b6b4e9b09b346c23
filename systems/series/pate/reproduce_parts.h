#pragma once

#include "betimes/system/study.h"

/// The parts of PATE's reproduction; each gives evidence for its claims.
namespace betimes::system::pate {

void reproduce_values(Study& study);     // golden, public, exact
void reproduce_scenarios(Study& study);  // ordering, rivals
void reproduce_detectors(Study& study);  // adjusted, separates
void reproduce_cost(Study& study);       // cost

}  // namespace betimes::system::pate

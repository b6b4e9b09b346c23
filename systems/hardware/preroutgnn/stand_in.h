#pragma once

#include <cstdint>

#include "systems/hardware/preroutgnn/circuit.h"
#include "systems/hardware/preroutgnn/netlist.h"
#include "systems/hardware/preroutgnn/place.h"

namespace betimes::systems::preroutgnn {

/// Seven gates and a flip-flop (synthetic): delays grow with load and slew, and a little with their
/// product's root.
const Library& stand_in_library();

struct StandIn {
  Netlist netlist;
  Placement placement;
};

/// A random circuit over that library of about so many pins, gates beside what they read.
StandIn stand_in_design(uint64_t seed, int64_t pins);

/// Such designs routed and analysed as real ones are; the first two thirds are for training. For
/// tests, and for where the programs that map real designs aren't. At least 2 designs of at least
/// 60 pins. The same arguments give the same circuits.
CircuitSet stand_in_circuits(uint64_t seed, int64_t designs, int64_t pins);

}  // namespace betimes::systems::preroutgnn

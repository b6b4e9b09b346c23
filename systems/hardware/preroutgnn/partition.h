#pragma once

#include <cstdint>
#include <vector>

#include "systems/hardware/preroutgnn/circuit.h"

namespace betimes::systems::preroutgnn {

/// Consecutive levels of a circuit, and what they need of others.
struct Block {
  int64_t first_level = 0, last_level = 0;  // its own; an even number of levels
  std::vector<int32_t> own;                 // pins of these levels
  std::vector<int32_t> pins;  // own, those of the halo's levels, and sources of edges into own
                              // ones, ascending
};

/// Order-preserving partition: a block opens with two levels and takes two more at a time while
/// adding them keeps it within `most_pins` own pins; `halo` levels before and after are added.
/// Every pin is some block's own, and one's only; net and cell levels keep their parity. Throws
/// Error for limits below 1, and an odd number of levels.
std::vector<Block> partition(const Circuit& circuit, int64_t most_pins, int64_t halo = 4);

/// The whole circuit as one block.
Block whole(const Circuit& circuit);

}  // namespace betimes::systems::preroutgnn

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "systems/hardware/preroutgnn/circuit.h"

namespace betimes::systems::preroutgnn {

/// Training designs, less those that epochs are chosen by: a sixth, one at least, drawn by `seed`.
struct Parts {
  std::vector<Circuit> training, validation;
};
/// Throws Error for fewer than two designs.
Parts hold_out(std::span<const Circuit> designs, uint64_t seed);

/// Names of designs as one line of a file's metadata, and back.
std::string join_names(std::span<const Circuit> designs);
std::vector<std::string> split_names(const std::string& text);

}  // namespace betimes::systems::preroutgnn

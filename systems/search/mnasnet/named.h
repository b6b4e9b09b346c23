#pragma once

#include <optional>
#include <string>
#include <vector>

#include "systems/search/common/block_net.h"

namespace betimes::systems::mnasnet {

/// A network that the paper found, for ImageNet at 224 x 224.
struct NamedNet {
  std::string name;  // "a1", "b1", "small"
  search::BlockNet net;
  /// What is published of it, in millions, to the last digit given; 0: nothing.
  double parameters = 0, macs = 0;
  /// Where an exact count is published (torchvision's mnasnet1_0, which is B1).
  std::optional<int64_t> exact_parameters;
};

/// MnasNet-A1 (squeeze-and-excitation), B1 (none) and Small, from the block strings of
/// tensorflow/tpu (models/official/mnasnet).
std::vector<NamedNet> named_nets();
/// Throws Error that lists the names.
NamedNet named_net(const std::string& name);

}  // namespace betimes::systems::mnasnet

#pragma once

#include <optional>
#include <vector>

#include "betimes/graph/graph.h"

namespace betimes::graph {

/// What a BatchNormalization does to each channel: y = factor x + offset.
struct ChannelAffine {
  std::vector<double> factor;
  std::vector<double> offset;
};

/// factor = scale / sqrt(variance + epsilon), offset = bias - mean factor. nullopt where the node
/// is no BatchNormalization, is in training mode, or its statistics aren't constants in fp32.
std::optional<ChannelAffine> batch_norm_affine(const Graph& graph, const Node& node);

}  // namespace betimes::graph

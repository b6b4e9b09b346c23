#include "betimes/graph/batch_norm.h"

#include <cmath>
#include <span>

namespace betimes::graph {

std::optional<ChannelAffine> batch_norm_affine(const Graph& graph, const Node& node) {
  if (node.op != "BatchNormalization" || !node.domain.empty()) return std::nullopt;
  if (node.get("training_mode", int64_t{0}) != 0) return std::nullopt;
  std::vector<std::span<const float>> parts;  // scale, bias, mean, variance
  for (size_t i = 1; i <= 4; ++i) {
    const auto found = graph.constants.find(node.inputs[i]);
    if (found == graph.constants.end() || found->second.dtype() != DType::f32) return std::nullopt;
    parts.push_back(found->second.data<float>());
  }
  ChannelAffine affine;
  const double epsilon = node.get("epsilon", 1e-5f);
  for (size_t c = 0; c < parts[0].size(); ++c) {
    affine.factor.push_back(parts[0][c] / std::sqrt(parts[3][c] + epsilon));
    affine.offset.push_back(parts[1][c] - parts[2][c] * affine.factor.back());
  }
  return affine;
}

}  // namespace betimes::graph

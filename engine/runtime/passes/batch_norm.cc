#include <cmath>

#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

// BatchNormalization with constant statistics is a factor and an offset for each channel; the
// scale_shift pass takes both into the weights of what comes before, where that is possible.

namespace betimes::runtime {
namespace {

struct Affine {
  Tensor factor, offset;  // [C, 1, 1...]
};

std::optional<Affine> as_affine(Rewriter& rewriter, const Node& node) {
  if (!is(&node, "BatchNormalization") || node.get("training_mode", int64_t{0}) != 0) {
    return std::nullopt;
  }
  std::vector<std::span<const float>> parts;  // scale, bias, mean, variance
  for (size_t i = 1; i <= 4; ++i) {
    const Tensor* part = rewriter.constant(node.inputs[i]);
    if (!part || part->dtype() != DType::f32) return std::nullopt;
    parts.push_back(part->data<float>());
  }
  const Shape& input = rewriter.type(node.inputs[0]).shape;
  if (input.size() < 2 || rewriter.type(node.outputs[0]).dtype != DType::f32) return std::nullopt;
  Shape shape(input.size() - 1, 1);
  shape[0] = input[1];
  Affine affine{Tensor(DType::f32, shape), Tensor(DType::f32, shape)};
  const double epsilon = node.get("epsilon", 1e-5f);
  auto factor = affine.factor.mutable_data<float>();
  auto offset = affine.offset.mutable_data<float>();
  for (size_t c = 0; c < factor.size(); ++c) {
    const double f = parts[0][c] / std::sqrt(parts[3][c] + epsilon);
    factor[c] = static_cast<float>(f);
    offset[c] = static_cast<float>(parts[1][c] - parts[2][c] * f);
  }
  return affine;
}

int run(StaticGraph& graph) {
  Rewriter rewriter(graph);
  std::vector<Node> added;
  for (size_t i = 0; i < rewriter.size(); ++i) {
    Node& node = rewriter.node(i);
    auto affine = as_affine(rewriter, node);
    if (!affine) continue;
    const std::string scaled = graph::fresh_name(graph.graph, node.outputs[0] + "_scaled");
    const std::string factor =
        rewriter.add_constant(node.name + "_factor", std::move(affine->factor));
    const std::string offset =
        rewriter.add_constant(node.name + "_offset", std::move(affine->offset));
    added.push_back({node.name + "_factor", "Mul", "", {node.inputs[0], factor}, {scaled}, {}});
    node.op = "Add";
    node.inputs = {scaled, offset};
    node.outputs.resize(1);
    node.attributes.clear();
    rewriter.changed();
  }
  const int changes = rewriter.finish();
  for (Node& node : added) graph.graph.nodes.push_back(std::move(node));
  return changes;
}

}  // namespace

graph::Pass batch_norm_pass() { return {"batch_norm", run}; }

}  // namespace betimes::runtime

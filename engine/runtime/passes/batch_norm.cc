#include "betimes/graph/batch_norm.h"

#include <algorithm>

#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

// BatchNormalization with constant statistics is a factor and an offset for each channel; the
// scale_shift pass takes both into the weights of what comes before, where that is possible.

namespace betimes::runtime {
namespace {

/// One number a channel, as an operand that is broadcast over a value [N, C, ...].
Tensor channel_operand(const std::vector<double>& numbers, size_t rank) {
  Shape shape(rank - 1, 1);
  shape[0] = static_cast<int64_t>(numbers.size());
  Tensor operand(DType::f32, shape);
  std::transform(numbers.begin(), numbers.end(), operand.mutable_data<float>().begin(),
                 [](double x) { return static_cast<float>(x); });
  return operand;
}

std::optional<graph::ChannelAffine> as_affine(Rewriter& rewriter, const Node& node) {
  auto affine = graph::batch_norm_affine(rewriter.graph().graph, node);
  if (!affine || rewriter.type(node.outputs[0]).dtype != DType::f32) return std::nullopt;
  // One number for each channel, but for inputs without that dimension.
  if (rewriter.type(node.inputs[0]).shape.size() < 2) return std::nullopt;
  return affine;
}

int run(StaticGraph& graph) {
  Rewriter rewriter(graph);
  std::vector<Node> added;
  for (size_t i = 0; i < rewriter.size(); ++i) {
    Node& node = rewriter.node(i);
    auto affine = as_affine(rewriter, node);
    if (!affine) continue;
    const std::string scaled = rewriter.fresh_name(node.outputs[0] + "_scaled");
    const size_t rank = rewriter.type(node.inputs[0]).shape.size();
    const std::string factor =
        rewriter.add_constant(node.name + "_factor", channel_operand(affine->factor, rank));
    const std::string offset =
        rewriter.add_constant(node.name + "_offset", channel_operand(affine->offset, rank));
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

#include <optional>

#include "betimes/fit/variant.h"
#include "betimes/graph/batch_norm.h"
#include "betimes/graph/pass.h"
#include "betimes/graph/specialize.h"
#include "betimes/runtime/passes.h"

namespace betimes::fit {
namespace {

using graph::Graph;
using graph::Node;

/// Scales a convolution's weights and bias, so that it gives what the normalisation behind it gave.
bool fold_into(Graph& graph, Node& conv, const graph::ChannelAffine& affine) {
  const auto weights = graph.constants.find(conv.inputs[1]);
  if (weights == graph.constants.end() || weights->second.dtype() != DType::f32) return false;
  const auto channels = static_cast<size_t>(weights->second.shape()[0]);
  if (channels != affine.factor.size()) return false;
  const bool has_bias = conv.inputs.size() > 2 && !conv.inputs[2].empty();
  if (has_bias && !graph.is_constant(conv.inputs[2])) return false;

  // New constants under new names: other nodes may read the old ones.
  Tensor scaled = weights->second;
  const auto data = scaled.mutable_data<float>();
  const size_t each = channels > 0 ? data.size() / channels : 0;
  for (size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<float>(data[i] * affine.factor[i / each]);
  }
  Tensor bias(DType::f32, {static_cast<int64_t>(channels)});
  const auto sums = bias.mutable_data<float>();
  for (size_t c = 0; c < channels; ++c) {
    const double before =
        has_bias ? double{graph.constants.at(conv.inputs[2]).data<float>()[c]} : 0.0;
    sums[c] = static_cast<float>(before * affine.factor[c] + affine.offset[c]);
  }
  conv.inputs.resize(3);
  conv.inputs[1] = graph::fresh_name(graph, conv.name + "_folded_weight");
  graph.constants[conv.inputs[1]] = std::move(scaled);
  conv.inputs[2] = graph::fresh_name(graph, conv.name + "_folded_bias");
  graph.constants[conv.inputs[2]] = std::move(bias);
  return true;
}

void fold_batch_norms(Graph& graph) {
  const graph::Uses uses(graph);
  std::vector<bool> gone(graph.nodes.size(), false);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto affine = graph::batch_norm_affine(graph, graph.nodes[i]);
    if (!affine) continue;
    const auto before = uses.producer(graph.nodes[i].inputs[0]);
    if (!before || uses.only_consumer(graph.nodes[i].inputs[0]) != i) continue;
    Node& conv = graph.nodes[*before];
    if (conv.op != "Conv" || !conv.domain.empty() || !fold_into(graph, conv, *affine)) continue;
    conv.outputs[0] = graph.nodes[i].outputs[0];
    gone[i] = true;
  }
  std::vector<Node> kept;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!gone[i]) kept.push_back(std::move(graph.nodes[i]));
  }
  graph.nodes = std::move(kept);
  graph::validate(graph);
  graph::remove_dead(graph);
}

}  // namespace

graph::Graph prepare(const Graph& original, const std::map<std::string, Shape>& shapes) {
  graph::StaticGraph fixed = graph::specialize(original, shapes);
  std::vector<graph::Pass> passes;
  for (graph::Pass& pass : runtime::standard_passes()) {
    if (pass.name == "simplify") passes.push_back(std::move(pass));
  }
  graph::run_passes(fixed, passes);
  fold_batch_norms(fixed.graph);
  return std::move(fixed.graph);
}

}  // namespace betimes::fit

#include <algorithm>

#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

namespace betimes::runtime {
namespace {

bool only_first_output(const Node& node) {
  return std::all_of(node.outputs.begin() + 1, node.outputs.end(),
                     [](const std::string& name) { return name.empty(); });
}

bool is_identity_order(const Node& node) {
  const auto order = node.get("perm", std::vector<int64_t>{});
  for (size_t i = 0; i < order.size(); ++i) {
    if (order[i] != static_cast<int64_t>(i)) return false;
  }
  return !order.empty();
}

bool in_training(Rewriter& rewriter, const Node& node) {
  if (node.inputs.size() < 3 || node.inputs[2].empty()) return false;
  const Tensor* mode = rewriter.constant(node.inputs[2]);
  return !mode || mode->dtype() != DType::boolean || mode->size() != 1 || mode->data<bool>()[0];
}

/// A Pad that keeps the shape may still crop one side for the other.
bool adds_nothing(const Tensor* pads) {
  if (!pads || pads->dtype() != DType::i64) return false;
  const auto data = pads->data<int64_t>();
  return std::all_of(data.begin(), data.end(), [](int64_t x) { return x == 0; });
}

/// Whether the node's first output is its first input.
bool does_nothing(Rewriter& rewriter, const Node& node) {
  if (!node.domain.empty() || node.inputs.empty() || !only_first_output(node)) return false;
  if (node.inputs[0].empty() || node.outputs[0].empty()) return false;
  const TensorType& in = rewriter.type(node.inputs[0]);
  const TensorType& out = rewriter.type(node.outputs[0]);
  if (in != out) return false;
  for (const char* op :
       {"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand"}) {
    if (node.op == op) return true;
  }
  if (node.op == "Pad") return adds_nothing(rewriter.constant(node.inputs.at(1)));
  if (node.op == "Dropout") return !in_training(rewriter, node);
  if (node.op == "Transpose") return is_identity_order(node);
  return node.op == "Concat" && node.inputs.size() == 1;
}

int run(StaticGraph& graph) {
  Rewriter rewriter(graph);
  for (size_t i = 0; i < rewriter.size(); ++i) {
    Node& node = rewriter.node(i);
    if (node.outputs.empty() || !does_nothing(rewriter, node)) continue;
    if (!rewriter.replace_uses(node.outputs[0], node.inputs[0])) continue;
    rewriter.remove(node);
    rewriter.changed();
  }
  return rewriter.finish();
}

}  // namespace

graph::Pass simplify_pass() { return {"simplify", run}; }

}  // namespace betimes::runtime

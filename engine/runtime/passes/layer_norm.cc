#include <numeric>

#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

// (x - mean) / sqrt(variance + epsilon) * scale + bias, written out as exporters do before opset
// 17, to one LayerNormalization.

namespace betimes::runtime {
namespace {

/// The first of the axes that a mean with kept extents runs over, where they are the last ones.
std::optional<size_t> mean_from(Rewriter& rewriter, const Node* mean) {
  if (!is(mean, "ReduceMean") || mean->get("keepdims", int64_t{1}) == 0) return std::nullopt;
  const auto rank = static_cast<int64_t>(rewriter.type(mean->inputs[0]).shape.size());
  std::vector<int64_t> axes = mean->get("axes", std::vector<int64_t>{});
  if (axes.empty()) return std::nullopt;
  for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  std::sort(axes.begin(), axes.end());
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != rank - static_cast<int64_t>(axes.size() - i)) return std::nullopt;
  }
  return static_cast<size_t>(axes[0]);
}

/// x - mean(x).
struct Centred {
  std::string x;
  size_t axis = 0;
  Node* mean = nullptr;
  Node* subtract = nullptr;
};
std::optional<Centred> centred(Rewriter& rewriter, const std::string& value) {
  Node* subtract = rewriter.producer(value);
  if (!is(subtract, "Sub")) return std::nullopt;
  Node* mean = rewriter.producer(subtract->inputs[1]);
  const auto axis = mean_from(rewriter, mean);
  if (!axis || mean->inputs[0] != subtract->inputs[0]) return std::nullopt;
  return Centred{subtract->inputs[0], *axis, mean, subtract};
}

/// The value whose square this is.
std::optional<std::string> squared(Rewriter& rewriter, const Node* node) {
  if (is(node, "Pow") && uniform_value(rewriter.constant(node->inputs[1])) == 2.0f) {
    return node->inputs[0];
  }
  if (is(node, "Mul") && node->inputs[0] == node->inputs[1]) return node->inputs[0];
  return std::nullopt;
}

/// sqrt(mean((x - mean(x))^2) + epsilon).
struct Deviation {
  Centred centred;
  float epsilon = 0;
  std::vector<Node*> nodes;
};
std::optional<Deviation> deviation(Rewriter& rewriter, const std::string& value) {
  Node* root = rewriter.producer(value);
  if (!is(root, "Sqrt")) return std::nullopt;
  Node* sum = rewriter.producer(root->inputs[0]);
  if (!is(sum, "Add")) return std::nullopt;
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const auto epsilon = uniform_value(rewriter.constant(sum->inputs[1 - side]));
    Node* variance = rewriter.producer(sum->inputs[side]);
    const auto axis = mean_from(rewriter, variance);
    if (!epsilon || !axis) continue;
    if (rewriter.type(sum->outputs[0]) != rewriter.type(sum->inputs[side])) continue;
    Node* square = rewriter.producer(variance->inputs[0]);
    const auto base = squared(rewriter, square);
    if (!base) continue;
    const auto inner = centred(rewriter, *base);
    if (!inner || inner->axis != *axis) continue;
    return Deviation{*inner, *epsilon, {inner->mean, inner->subtract, square, variance, sum, root}};
  }
  return std::nullopt;
}

/// The constant that `node` (a Mul or Add, the only reader of `value`) applies to each element of a
/// row, as a constant of the row's shape; the node goes into `nodes`.
std::optional<std::string> along_row(Rewriter& rewriter, const char* op, const std::string& value,
                                     const Shape& row, std::vector<Node*>& nodes) {
  Node* node = rewriter.only_consumer(value);
  if (!is(node, op)) return std::nullopt;
  const std::string& other = node->inputs[node->inputs[0] == value ? 1 : 0];
  const Tensor* constant = rewriter.constant(other);
  if (!constant || constant->dtype() != DType::f32) return std::nullopt;
  if (rewriter.type(node->outputs[0]) != rewriter.type(value)) return std::nullopt;
  Shape shape = constant->shape();
  while (shape.size() > row.size() && shape.front() == 1) shape.erase(shape.begin());
  if (shape != row) return std::nullopt;
  nodes.push_back(node);
  if (constant->shape() == row) return other;
  return rewriter.add_constant(other + "_row", constant->reshaped(row));
}

bool fuse(Rewriter& rewriter, Node& divide) {
  if (!is(&divide, "Div") || rewriter.type(divide.outputs[0]).dtype != DType::f32) return false;
  const auto above = centred(rewriter, divide.inputs[0]);
  const auto below = deviation(rewriter, divide.inputs[1]);
  if (!above || !below || above->x != below->centred.x || above->axis != below->centred.axis) {
    return false;
  }
  const Shape& shape = rewriter.type(above->x).shape;
  if (rewriter.type(divide.outputs[0]).shape != shape || element_count(shape) == 0) return false;
  const Shape row(shape.begin() + static_cast<std::ptrdiff_t>(above->axis), shape.end());

  std::vector<Node*> after;
  auto scale = along_row(rewriter, "Mul", divide.outputs[0], row, after);
  const std::string scaled = scale ? after.back()->outputs[0] : divide.outputs[0];
  const auto bias = along_row(rewriter, "Add", scaled, row, after);
  if (!scale) {
    Tensor ones(DType::f32, row);
    for (float& x : ones.mutable_data<float>()) x = 1.0f;
    scale = rewriter.add_constant(divide.name + "_ones", std::move(ones));
  }
  Node fused{divide.name, "LayerNormalization", "", {above->x, *scale}, divide.outputs, {}};
  if (bias) fused.inputs.push_back(*bias);
  fused.attributes = {{"axis", static_cast<int64_t>(above->axis)}, {"epsilon", below->epsilon}};
  for (const Node* node : below->nodes) absorb(fused, *node);
  absorb(fused, *above->subtract);
  absorb(fused, divide);
  for (Node* node : after) {
    absorb(fused, *node);
    fused.outputs = node->outputs;
    rewriter.remove(*node);
  }
  divide = std::move(fused);
  rewriter.refresh();
  return true;
}

}  // namespace

graph::Pass layer_norm_pass() { return node_pass("layer_norm", fuse); }

}  // namespace betimes::runtime

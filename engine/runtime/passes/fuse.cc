#include <cmath>

#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

// Fusions of what follows a convolution or a matrix product: residual, then activation; and of
// activations that exporters spell out.

namespace betimes::runtime {
namespace {

using Kind = Activation::Kind;

bool is_weighted(const Node* node) {
  return is(node, "Conv", "betimes") || is(node, "ConvTranspose", "betimes") ||
         is(node, "MatMul", "betimes");
}

bool has_residual(const Node& node) { return node.inputs.size() > 3 && !node.inputs[3].empty(); }

bool fuse_residual(Rewriter& rewriter, Node& add) {
  if (!is(&add, "Add") || add.inputs.size() != 2) return false;
  const TensorType& type = rewriter.type(add.outputs[0]);
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const std::string& value = add.inputs[side];
    const std::string other = add.inputs[1 - side];
    Node* node = rewriter.producer(value);
    // Products get no residual: oneDNN's packed ones are short, the add is as cheap beside them.
    if (!is(node, "Conv", "betimes") || !rewriter.only_consumer(value) || value == other) continue;
    if (has_residual(*node) || graph::activation_of(*node).kind != Kind::none) continue;
    if (rewriter.type(value) != type || rewriter.type(other) != type) continue;
    if (rewriter.constant(other)) continue;
    node->inputs.resize(4);
    node->inputs[3] = other;
    absorb(*node, add);
    node->outputs = add.outputs;
    rewriter.remove(add);
    rewriter.refresh();
    return true;
  }
  return false;
}

bool fuse_activation(Rewriter& rewriter, Node& activation) {
  if (!is(&activation, "Activation", "betimes")) return false;
  Node* node = rewriter.producer(activation.inputs[0]);
  if (!is_weighted(node) || !rewriter.only_consumer(activation.inputs[0])) return false;
  if (graph::activation_of(*node).kind != Kind::none) return false;
  graph::set_activation(*node, graph::activation_of(activation));
  absorb(*node, activation);
  node->outputs = activation.outputs;
  rewriter.remove(activation);
  rewriter.refresh();
  return true;
}

bool near(float a, float b) { return std::fabs(a - b) <= 1e-5f * std::fabs(b); }

/// Replaces `last` by one activation of `input`, and takes in the nodes between them, which only
/// `last` needs.
void replace(Rewriter& rewriter, Node& last, const std::string& input, Kind kind,
             std::initializer_list<Node*> between) {
  for (Node* node : between) absorb(last, *node);
  last.op = "Activation";
  last.domain = "betimes";
  last.inputs = {input};
  const auto sources = last.attributes.at("sources");
  last.attributes.clear();
  last.attributes["sources"] = sources;
  graph::set_activation(last, {kind});
  for (Node* node : between) rewriter.remove(*node);
  rewriter.refresh();
}

/// x * sigmoid(x) and x * hard_sigmoid(x) with slope 1/6 and offset 1/2.
bool gated(Rewriter& rewriter, Node& product) {
  if (!is(&product, "Mul") || product.inputs.size() != 2) return false;
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const std::string x = product.inputs[1 - side];
    Node* gate = rewriter.producer(product.inputs[side]);
    if (!is(gate, "Activation", "betimes") || gate->inputs[0] != x) continue;
    if (!rewriter.only_consumer(product.inputs[side])) continue;
    const Activation f = graph::activation_of(*gate);
    if (f.kind == Kind::sigmoid) {
      replace(rewriter, product, x, Kind::swish, {gate});
      return true;
    }
    if (f.kind == Kind::hard_sigmoid && near(f.alpha, 1.0f / 6) && near(f.beta, 0.5f)) {
      replace(rewriter, product, x, Kind::hard_swish, {gate});
      return true;
    }
  }
  return false;
}

/// The operand of `node` that is no constant, when the other is the uniform number `wanted`.
std::optional<std::string> other_operand(Rewriter& rewriter, const Node* node, float wanted) {
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const auto value = uniform_value(rewriter.constant(node->inputs[side]));
    if (value && near(*value, wanted)) return node->inputs[1 - side];
  }
  return std::nullopt;
}

/// clip(x + 3, 0, 6), as Add and Clip: x and the two nodes.
struct Ramp {
  std::string x;
  Node* clip = nullptr;
  Node* add = nullptr;
};
std::optional<Ramp> ramp(Rewriter& rewriter, const std::string& value) {
  Node* clip = rewriter.producer(value);
  if (!is(clip, "Activation", "betimes") || !rewriter.only_consumer(value)) return std::nullopt;
  const Activation f = graph::activation_of(*clip);
  if (f.kind != Kind::clip || f.alpha != 0.0f || f.beta != 6.0f) return std::nullopt;
  Node* add = rewriter.producer(clip->inputs[0]);
  if (!is(add, "Add") || !rewriter.only_consumer(clip->inputs[0])) return std::nullopt;
  const auto x = other_operand(rewriter, add, 3.0f);
  if (!x) return std::nullopt;
  return Ramp{*x, clip, add};
}

bool by_six(Rewriter& rewriter, const Node* node, std::string& rest) {
  if (is(node, "Div") && uniform_value(rewriter.constant(node->inputs[1])) == 6.0f) {
    rest = node->inputs[0];
    return true;
  }
  if (!is(node, "Mul")) return false;
  const auto other = other_operand(rewriter, node, 1.0f / 6);
  if (other) rest = *other;
  return other.has_value();
}

/// x * clip(x + 3, 0, 6) / 6 in the orders that exporters write it.
bool spelled_hard_swish(Rewriter& rewriter, Node& last) {
  if (last.inputs.size() != 2 || !rewriter.producer(last.inputs[0])) return false;
  std::string rest;
  if (by_six(rewriter, &last, rest)) {  // (x * ramp) / 6
    Node* product = rewriter.producer(rest);
    if (!is(product, "Mul") || !rewriter.only_consumer(rest)) return false;
    for (const size_t side : {size_t{0}, size_t{1}}) {
      const auto found = ramp(rewriter, product->inputs[side]);
      if (!found || found->x != product->inputs[1 - side]) continue;
      replace(rewriter, last, found->x, Kind::hard_swish, {found->add, found->clip, product});
      return true;
    }
    return false;
  }
  if (!is(&last, "Mul")) return false;
  for (const size_t side : {size_t{0}, size_t{1}}) {  // x * (ramp / 6)
    Node* divided = rewriter.producer(last.inputs[side]);
    if (!divided || !by_six(rewriter, divided, rest) ||
        !rewriter.only_consumer(last.inputs[side])) {
      continue;
    }
    const auto found = ramp(rewriter, rest);
    if (!found || found->x != last.inputs[1 - side]) continue;
    replace(rewriter, last, found->x, Kind::hard_swish, {found->add, found->clip, divided});
    return true;
  }
  return false;
}

bool spelled(Rewriter& rewriter, Node& node) {
  return gated(rewriter, node) || spelled_hard_swish(rewriter, node);
}

}  // namespace

graph::Pass spelled_activation_pass() { return node_pass("spelled_activation", spelled); }
graph::Pass residual_pass() { return node_pass("residual", fuse_residual); }
graph::Pass activation_pass() { return node_pass("activation", fuse_activation); }

}  // namespace betimes::runtime

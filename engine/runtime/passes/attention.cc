#include <algorithm>
#include <numeric>

#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

// softmax(scale * Q K^T + mask) V, as exporters write it, to one node betimes.Attention. It takes
// over the transposes around the products (a head's matrix may lie in any order), and the scale,
// wherever it was applied.

namespace betimes::runtime {
namespace {

using Order = std::vector<int64_t>;

Order identity(size_t rank) {
  Order order(rank);
  std::iota(order.begin(), order.end(), int64_t{0});
  return order;
}

Order order_of(const Node& transpose, size_t rank) {
  Order order = identity(rank);
  std::reverse(order.begin(), order.end());
  return transpose.get("perm", order);
}

/// A value as Transpose(source, order) * factor, and the nodes that are so taken over.
struct Operand {
  std::string source;
  Order order;
  float factor = 1;
  std::vector<const Node*> nodes;
};

/// The one number by which the node multiplies, and which input the number isn't.
std::optional<std::pair<float, size_t>> factor_of(Rewriter& rewriter, const Node* node) {
  const bool divides = is(node, "Div");
  if (!divides && !is(node, "Mul")) return std::nullopt;
  for (const size_t side : {size_t{1}, size_t{0}}) {
    const auto value = uniform_value(rewriter.constant(node->inputs[side]));
    if (!value || *value == 0.0f) continue;
    // A constant of higher rank or larger extents would make the other operand repeat.
    if (rewriter.type(node->inputs[1 - side]) != rewriter.type(node->outputs[0])) continue;
    if (divides && side == 0) continue;
    return std::pair(divides ? 1.0f / *value : *value, 1 - side);
  }
  return std::nullopt;
}

/// Looks upwards from the value through transposes and products with one number.
Operand operand(Rewriter& rewriter, const std::string& value) {
  const size_t rank = rewriter.type(value).shape.size();
  Operand result{value, identity(rank), 1, {}};
  for (;;) {
    const Node* node = rewriter.producer(result.source);
    if (is(node, "Transpose")) {
      const Order outer = order_of(*node, rank);
      for (int64_t& axis : result.order) axis = outer[static_cast<size_t>(axis)];
      result.source = node->inputs[0];
    } else if (const auto factor = factor_of(rewriter, node)) {
      result.factor *= factor->first;
      result.source = node->inputs[factor->second];
    } else {
      return result;
    }
    result.nodes.push_back(node);
  }
}

/// The scores before the softmax: scale * Q K^T + mask.
struct Scores {
  Operand query, key;
  float scale = 1;
  std::string mask;
  std::vector<Node*> nodes;  // that only the scores need, from the last to the first
};

std::optional<Scores> products(Rewriter& rewriter, const std::string& value) {
  Scores scores;
  std::string at = value;
  for (;;) {
    Node* node = rewriter.producer(at);
    if (!node || !rewriter.only_consumer(at)) return std::nullopt;
    scores.nodes.push_back(node);
    if (is(node, "MatMul")) {
      const size_t rank = rewriter.type(at).shape.size();
      for (const std::string& input : node->inputs) {
        if (rewriter.type(input).shape.size() != rank || rank < 2) return std::nullopt;
      }
      scores.query = operand(rewriter, node->inputs[0]);
      scores.key = operand(rewriter, node->inputs[1]);
      std::swap(scores.key.order[rank - 1], scores.key.order[rank - 2]);
      scores.scale *= scores.query.factor * scores.key.factor;
      return scores;
    }
    const auto factor = factor_of(rewriter, node);
    if (!factor) return std::nullopt;
    scores.scale *= factor->first;
    at = node->inputs[factor->second];
  }
}

std::optional<Scores> scores_of(Rewriter& rewriter, const std::string& value) {
  if (auto scores = products(rewriter, value)) return scores;
  Node* add = rewriter.producer(value);
  if (!is(add, "Add") || !rewriter.only_consumer(value)) return std::nullopt;
  for (const size_t side : {size_t{0}, size_t{1}}) {
    // The mask repeats along the scores' axes, not the other way round.
    if (rewriter.type(add->inputs[side]) != rewriter.type(value)) continue;
    auto scores = products(rewriter, add->inputs[side]);
    if (!scores) continue;
    scores->mask = add->inputs[1 - side];
    scores->nodes.insert(scores->nodes.begin(), add);
    return scores;
  }
  return std::nullopt;
}

bool fuse(Rewriter& rewriter, Node& last) {
  if (!is(&last, "MatMul") || rewriter.type(last.outputs[0]).dtype != DType::f32) return false;
  Node* softmax = rewriter.producer(last.inputs[0]);
  if (!is(softmax, "Softmax") || !rewriter.only_consumer(last.inputs[0])) return false;
  const Shape& shape = rewriter.type(last.inputs[0]).shape;
  const auto rank = static_cast<int64_t>(shape.size());
  const int64_t axis = softmax->get("axis", int64_t{-1});
  if ((axis != -1 && axis != rank - 1) || element_count(shape) == 0) return false;
  if (rewriter.type(last.inputs[1]).shape.size() != shape.size()) return false;
  auto scores = scores_of(rewriter, softmax->inputs[0]);
  if (!scores) return false;
  const Operand value = operand(rewriter, last.inputs[1]);
  if (value.factor != 1.0f) return false;

  // What follows: one transpose may go in too, and the result takes its name.
  Order output_order = identity(shape.size());
  Node* transpose = rewriter.only_consumer(last.outputs[0]);
  if (!is(transpose, "Transpose")) transpose = nullptr;
  if (transpose) output_order = order_of(*transpose, shape.size());

  Node fused{last.name,
             "Attention",
             "betimes",
             {scores->query.source, scores->key.source, value.source},
             transpose ? transpose->outputs : last.outputs,
             {}};
  if (!scores->mask.empty()) fused.inputs.push_back(scores->mask);
  fused.attributes = {{"query_order", scores->query.order},
                      {"key_order", scores->key.order},
                      {"value_order", value.order},
                      {"output_order", output_order},
                      {"scale", scores->scale}};
  for (const Operand* o :
       std::initializer_list<const Operand*>{&scores->query, &scores->key, &value})
    for (const Node* node : o->nodes) absorb(fused, *node);
  for (const Node* node : scores->nodes) absorb(fused, *node);
  absorb(fused, *softmax);
  absorb(fused, last);
  for (Node* node : scores->nodes) rewriter.remove(*node);
  rewriter.remove(*softmax);
  if (transpose) {
    absorb(fused, *transpose);
    rewriter.remove(*transpose);
  }
  last = std::move(fused);
  rewriter.refresh();
  return true;
}

}  // namespace

graph::Pass attention_pass() { return node_pass("attention", fuse); }

}  // namespace betimes::runtime

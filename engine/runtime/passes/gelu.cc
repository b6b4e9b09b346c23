#include <algorithm>
#include <cmath>
#include <numbers>

#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

// x (1 + erf(x / sqrt(2))) / 2 and its approximation by tanh, in whatever order exporters multiply,
// to one activation.

namespace betimes::runtime {
namespace {

using Kind = Activation::Kind;

bool near(double a, double b) { return std::fabs(a - b) <= 1e-4 * std::fabs(b); }

/// A value as a product: a number times values, some of which may be the same.
struct Factors {
  double number = 1;
  std::vector<std::string> values;
  std::vector<Node*> nodes;  // that multiply, the last first

  /// Takes one such value out.
  bool take(const std::string& value) {
    const auto it = std::find(values.begin(), values.end(), value);
    if (it == values.end()) return false;
    values.erase(it);
    return true;
  }
};

/// More products than any form of Gelu has; a file may chain tens of thousands.
constexpr size_t most_products = 8;

void collect(Rewriter& rewriter, const std::string& value, bool inner, Factors& factors) {
  if (const auto number = uniform_value(rewriter.constant(value))) {
    factors.number *= static_cast<double>(*number);
    return;
  }
  Node* node = rewriter.producer(value);
  const auto is_power = [&] {
    const auto exponent = uniform_value(rewriter.constant(node->inputs[1]));
    return exponent == 2.0f || exponent == 3.0f;
  };
  const bool divides = is(node, "Div") && uniform_value(rewriter.constant(node->inputs[1]));
  const bool power = is(node, "Pow") && is_power();
  const bool read_elsewhere = inner && !rewriter.only_consumer(value);
  if (read_elsewhere || factors.nodes.size() == most_products ||
      !(is(node, "Mul") || divides || power)) {
    factors.values.push_back(value);
    return;
  }
  factors.nodes.push_back(node);
  if (power) {
    const float exponent = *uniform_value(rewriter.constant(node->inputs[1]));
    factors.values.insert(factors.values.end(), static_cast<size_t>(exponent), node->inputs[0]);
    return;
  }
  collect(rewriter, node->inputs[0], true, factors);
  if (divides) {
    factors.number /= static_cast<double>(*uniform_value(rewriter.constant(node->inputs[1])));
  } else if (node->inputs[0] == node->inputs[1]) {
    factors.values.push_back(node->inputs[1]);
  } else {
    collect(rewriter, node->inputs[1], true, factors);
  }
}
Factors factors_of(Rewriter& rewriter, const std::string& value) {
  Factors factors;
  collect(rewriter, value, false, factors);
  return factors;
}

/// The other operand of an Add, where one is the number.
std::optional<std::string> plus(Rewriter& rewriter, const Node* add, double number) {
  if (!is(add, "Add")) return std::nullopt;
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const auto value = uniform_value(rewriter.constant(add->inputs[side]));
    if (value && near(static_cast<double>(*value), number)) return add->inputs[1 - side];
  }
  return std::nullopt;
}

/// What the function of x is made of, besides the outermost products.
using Nodes = std::vector<Node*>;

/// u = erf(x / sqrt(2)).
bool is_error_function(Rewriter& rewriter, const std::string& u, const std::string& x,
                       Nodes& nodes) {
  Node* erf = rewriter.producer(u);
  if (!is(erf, "Erf")) return false;
  Factors inner = factors_of(rewriter, erf->inputs[0]);
  if (!inner.take(x) || !inner.values.empty() || !near(inner.number, std::numbers::sqrt2 / 2)) {
    return false;
  }
  nodes.push_back(erf);
  nodes.insert(nodes.end(), inner.nodes.begin(), inner.nodes.end());
  return true;
}

constexpr double cubic = 0.044715;

/// sum = x + 0.044715 x^3, or 1 + 0.044715 x^2 where x stands before it.
bool is_cubic(Rewriter& rewriter, const std::string& sum, const std::string& x, bool x_before,
              Nodes& nodes) {
  Node* add = rewriter.producer(sum);
  if (!is(add, "Add")) return false;
  std::optional<std::string> rest;
  if (x_before) {
    rest = plus(rewriter, add, 1);
  } else {
    for (const size_t side : {size_t{0}, size_t{1}}) {
      if (add->inputs[side] == x) rest = add->inputs[1 - side];
    }
  }
  if (!rest) return false;
  Factors power = factors_of(rewriter, *rest);
  for (int i = 0; i < (x_before ? 2 : 3); ++i) {
    if (!power.take(x)) return false;
  }
  if (!power.values.empty() || !near(power.number, cubic)) return false;
  nodes.push_back(add);
  nodes.insert(nodes.end(), power.nodes.begin(), power.nodes.end());
  return true;
}

/// u = tanh(sqrt(2 / pi) (x + 0.044715 x^3)).
bool is_tanh(Rewriter& rewriter, const std::string& u, const std::string& x, Nodes& nodes) {
  Node* tanh = rewriter.producer(u);
  if (!is(tanh, "Tanh")) return false;
  Factors inner = factors_of(rewriter, tanh->inputs[0]);
  if (!near(inner.number, std::numbers::sqrt2 * std::numbers::inv_sqrtpi)) return false;
  const bool x_before = inner.take(x);
  if (inner.values.size() != 1 || !is_cubic(rewriter, inner.values[0], x, x_before, nodes)) {
    return false;
  }
  nodes.push_back(tanh);
  nodes.insert(nodes.end(), inner.nodes.begin(), inner.nodes.end());
  return true;
}

/// From the end, for the last product holds all factors and the ones before it only some.
bool fuse(Rewriter& rewriter, Node& last) {
  if (!is(&last, "Mul") && !is(&last, "Div")) return false;
  const TensorType type = rewriter.type(last.outputs[0]);
  if (type.dtype != DType::f32) return false;
  Factors outer = factors_of(rewriter, last.outputs[0]);
  if (outer.values.size() != 2 || !near(outer.number, 0.5)) return false;
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const std::string& x = outer.values[1 - side];
    Node* add = rewriter.producer(outer.values[side]);
    const auto u = plus(rewriter, add, 1);
    if (!u || rewriter.type(x) != type) continue;
    Nodes nodes = outer.nodes;
    nodes.push_back(add);
    const bool exact = is_error_function(rewriter, *u, x, nodes);
    if (!exact && !is_tanh(rewriter, *u, x, nodes)) continue;
    Node fused{last.name, "Activation", "betimes", {x}, last.outputs, {}};
    for (const Node* node : nodes) absorb(fused, *node);
    graph::set_activation(fused, {exact ? Kind::gelu : Kind::gelu_tanh});
    last = std::move(fused);
    rewriter.refresh();
    return true;
  }
  return false;
}

}  // namespace

graph::Pass gelu_pass() { return node_pass("gelu", fuse, Direction::from_end); }

}  // namespace betimes::runtime

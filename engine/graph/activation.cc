#include "betimes/graph/activation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "betimes/base/error.h"

namespace betimes::graph {
namespace {

using Kind = Activation::Kind;

constexpr std::array<std::string_view, 17> names = {
    "none",        "relu",        "leaky_relu", "clip",     "sigmoid",   "hard_sigmoid",
    "hard_swish",  "swish",       "tanh",       "elu",      "gelu",      "gelu_tanh",
    "exponential", "square_root", "absolute",   "negative", "reciprocal"};

}  // namespace

std::string_view name(Activation::Kind kind) { return names[static_cast<size_t>(kind)]; }

float Activation::operator()(float x) const {
  switch (kind) {
    case Kind::none:
      return x;
    case Kind::relu:
      return std::max(x, 0.0f);
    case Kind::leaky_relu:
      return x < 0 ? alpha * x : x;
    case Kind::clip:
      return std::min(std::max(x, alpha), beta);
    case Kind::sigmoid:
      return 1.0f / (1.0f + std::exp(-x));
    case Kind::hard_sigmoid:
      return std::min(std::max(alpha * x + beta, 0.0f), 1.0f);
    case Kind::hard_swish:
      return x * std::min(std::max(x / 6.0f + 0.5f, 0.0f), 1.0f);
    case Kind::swish:
      return x / (1.0f + std::exp(-x));
    case Kind::tanh:
      return std::tanh(x);
    case Kind::elu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case Kind::gelu:
      // erfc keeps its digits where 1 + erf(x) would have none left.
      return 0.5f * x * std::erfc(x * -static_cast<float>(std::numbers::sqrt2 / 2));
    case Kind::gelu_tanh: {
      constexpr auto slope = static_cast<float>(std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
      return 0.5f * x * (1.0f + std::tanh(slope * (x + 0.044715f * x * x * x)));
    }
    case Kind::exponential:
      return std::exp(x);
    case Kind::square_root:
      return std::sqrt(x);
    case Kind::absolute:
      return std::fabs(x);
    case Kind::negative:
      return -x;
    case Kind::reciprocal:
      return 1.0f / x;
  }
  return x;
}

std::optional<Activation> activation_of_operator(const Node& node) {
  if (!node.domain.empty()) return std::nullopt;
  if (node.op == "LeakyRelu") return Activation{Kind::leaky_relu, node.get("alpha", 0.01f)};
  if (node.op == "Elu") return Activation{Kind::elu, node.get("alpha", 1.0f)};
  if (node.op == "HardSigmoid") {
    return Activation{Kind::hard_sigmoid, node.get("alpha", 0.2f), node.get("beta", 0.5f)};
  }
  constexpr std::pair<const char*, Kind> plain[] = {{"Relu", Kind::relu},
                                                    {"Sigmoid", Kind::sigmoid},
                                                    {"Tanh", Kind::tanh},
                                                    {"HardSwish", Kind::hard_swish},
                                                    {"Exp", Kind::exponential},
                                                    {"Sqrt", Kind::square_root},
                                                    {"Abs", Kind::absolute},
                                                    {"Neg", Kind::negative},
                                                    {"Reciprocal", Kind::reciprocal}};
  for (const auto& [op, kind] : plain) {
    if (node.op == op) return Activation{kind};
  }
  return std::nullopt;
}

Activation activation_of(const Node& node) {
  const std::string wanted = node.get("activation", "none");
  const auto it = std::find(names.begin(), names.end(), wanted);
  if (it == names.end()) {
    throw Error(describe(node), "activation '" + wanted + "' isn't known");
  }
  return {static_cast<Activation::Kind>(it - names.begin()), node.get("alpha", 0.0f),
          node.get("beta", 0.0f)};
}

void set_activation(Node& node, const Activation& activation) {
  node.attributes["activation"] = std::string(name(activation.kind));
  node.attributes["alpha"] = activation.alpha;
  node.attributes["beta"] = activation.beta;
}

std::vector<AttributeSpec> activation_attributes() {
  return {{"activation", AttributeKind::text},
          {"alpha", AttributeKind::real},
          {"beta", AttributeKind::real},
          {"sources", AttributeKind::texts},
          {"note", AttributeKind::text}};
}

}  // namespace betimes::graph

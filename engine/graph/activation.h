#pragma once

#include <optional>
#include <string>
#include <vector>

#include "betimes/graph/graph.h"
#include "betimes/graph/operator.h"

namespace betimes::graph {

/// A function of one number that fused operators apply to what they computed. `alpha` and `beta`
/// mean what ONNX's operator of that name says; for clip they are the lower and upper bound.
struct Activation {
  enum class Kind : uint8_t {
    none,
    relu,
    leaky_relu,  // x < 0 ? alpha x : x
    clip,        // min(max(x, alpha), beta)
    sigmoid,
    hard_sigmoid,  // min(max(alpha x + beta, 0), 1)
    hard_swish,    // x min(max(x / 6 + 0.5, 0), 1)
    swish,         // x sigmoid(x)
    tanh,
    elu,        // x < 0 ? alpha (exp(x) - 1) : x
    gelu,       // x (1 + erf(x / sqrt(2))) / 2
    gelu_tanh,  // x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
    exponential,
    square_root,
    absolute,
    negative,
    reciprocal,
  };
  Kind kind = Kind::none;
  float alpha = 0;
  float beta = 0;

  bool operator==(const Activation&) const = default;
  float operator()(float x) const;
};

std::string_view name(Activation::Kind kind);

/// What ONNX's operator of one number computes, where it is such a function (Relu, Exp, ...; Clip
/// isn't among them, its bounds are inputs).
std::optional<Activation> activation_of_operator(const Node& node);

/// The attributes by which nodes of domain "betimes" carry an activation ("activation", "alpha",
/// "beta"); a node without them has none. An unknown name throws Error. Besides, such nodes name
/// the nodes they were made of ("sources") and may say why they weren't made faster ("note").
Activation activation_of(const Node& node);
void set_activation(Node& node, const Activation& activation);
std::vector<AttributeSpec> activation_attributes();

}  // namespace betimes::graph

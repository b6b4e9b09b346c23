#pragma once

#include <optional>
#include <string>
#include <vector>

#include "betimes/graph/activation.h"
#include "betimes/graph/quantized.h"
#include "betimes/runtime/detail/kernel.h"

// What kernels of betimes.QuantizedConv and betimes.QuantizedMatMul share.
//
// They compute  dst = after * activation(scale[c] (sum + bias[c])), rounded where it is uint8, with
// the input's zero point taken off the sum and the output's added in the end. In real numbers that
// is f(x_scale w_scale[c] sum + bias[c] + r_scale (r - r_zero)) / y_scale. The residual r is added
// without a factor of its own (as oneDNN's binary operation it has none), so everything before the
// activation is in units of the residual's scale; `after` brings the result to units of the
// output's.

namespace betimes::runtime::quantized {

/// Of such a node.
enum Input : size_t { values, weights, weight_scales, bias_input, residual };

/// What both kinds of node share: numbers, not shapes.
struct Arithmetic {
  graph::Quantization q;
  graph::Activation activation;
  std::vector<float> scales;  // per output channel, before the activation
  std::vector<float> bias;    // in units of the accumulator
  float after = 1;            // factor of the activation's result; 0: it can't be done in integers
};
Arithmetic arithmetic_of(const Candidate& candidate, int64_t channels);

/// Why the node's operands aren't for such kernels.
std::optional<std::string> unsuitable(const Candidate& candidate);

/// A product of rows with one matrix.
struct Product {
  int64_t rows = 0, inner = 0, columns = 0;
};
std::optional<Product> product_of(const Candidate& candidate);

}  // namespace betimes::runtime::quantized

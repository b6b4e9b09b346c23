#pragma once

#include <cstdint>
#include <vector>

#include "betimes/graph/operator.h"

namespace betimes::graph {

/// Scales and zero points of betimes.QuantizedConv and betimes.QuantizedMatMul. Their inputs are
/// the values (uint8 or int8), the weights (int8), a weight scale per output channel, an fp32 bias
/// and a residual (uint8 with a scale, or fp32); the last two may be absent. They give
///   activation(input_scale * weight_scale[c] * sum((x - input_zero) w) + bias[c] + residual),
/// in fp32, or where the node has an output scale quantised to uint8.
struct Quantization {
  float input_scale = 1;
  int64_t input_zero = 0;
  float residual_scale = 1;
  int64_t residual_zero = 0;
  bool writes_u8 = false;
  float output_scale = 1;
  int64_t output_zero = 0;
};
Quantization quantization_of(const Node& node);
std::vector<AttributeSpec> quantized_attributes();

}  // namespace betimes::graph

#include "betimes/runtime/detail/quantized.h"

namespace betimes::runtime::quantized {

using graph::Activation;

Arithmetic arithmetic_of(const Candidate& candidate, int64_t channels) {
  Arithmetic result{
      graph::quantization_of(candidate.node()), graph::activation_of(candidate.node()), {}, {}, 1};
  const graph::Quantization& q = result.q;
  const auto weight_scale = candidate.constant(weight_scales)->data<float>();
  const bool u8_residual =
      candidate.context.present(residual) && candidate.context.type(residual).dtype == DType::u8;
  const float unit = u8_residual ? q.residual_scale : 1.0f;
  const bool proportional = result.activation.kind == Activation::Kind::none ||
                            result.activation.kind == Activation::Kind::relu ||
                            result.activation.kind == Activation::Kind::leaky_relu;
  const float out = q.writes_u8 ? q.output_scale : 1.0f;
  // Without a residual the output's scale goes into the channels' own, where it costs nothing.
  const bool early = proportional && !candidate.context.present(residual);
  const float before = early ? out : unit;
  result.after = early ? 1.0f : unit / out;
  const Tensor* bias = candidate.constant(bias_input);
  for (int64_t c = 0; c < channels; ++c) {
    const float real = q.input_scale * weight_scale[static_cast<size_t>(c)];
    float shift = bias ? bias->data<float>()[static_cast<size_t>(c)] : 0.0f;
    if (u8_residual) shift -= q.residual_scale * static_cast<float>(q.residual_zero);
    result.scales.push_back(real / before);
    result.bias.push_back(shift / real);
  }
  // Other activations than the proportional ones need real numbers before them.
  if (!proportional && u8_residual) {
    result.activation.alpha = result.activation.beta = 0;
    result.after = 0;
  }
  return result;
}

std::optional<std::string> unsuitable(const Candidate& candidate) {
  if (candidate.context.type(values).dtype != DType::u8) return "activations aren't uint8";
  if (!candidate.constant(weights) || !candidate.constant(weight_scales)) {
    return "weights are computed while running";
  }
  if (candidate.context.present(bias_input) && !candidate.constant(bias_input)) {
    return "the bias is computed while running";
  }
  return std::nullopt;
}

std::optional<Product> product_of(const Candidate& candidate) {
  const Shape& in = candidate.context.shape(values);
  const Shape& matrix = candidate.context.shape(weights);
  if (matrix.size() != 2 || in.size() < 2 || candidate.context.present(residual)) {
    return std::nullopt;
  }
  Product product{0, matrix[0], matrix[1]};
  if (product.inner > 0) product.rows = element_count(in) / product.inner;
  return product;
}

}  // namespace betimes::runtime::quantized

#include "betimes/graph/quantized.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "betimes/base/error.h"
#include "betimes/graph/activation.h"

// QuantizedConv and QuantizedMatMul of domain "betimes": what DequantizeLinear, the fused operator
// and QuantizeLinear compute one after the other. They are evaluated just so, which makes each of
// them the reference of its own fusion (and lets a call allocate).

namespace betimes::graph {
namespace {

enum Input : size_t { values, weights, weight_scales, bias, residual };

Tensor dequantized(const TensorView& view, float scale, int64_t zero) {
  Tensor result(DType::f32, view.type.shape);
  auto out = result.mutable_data<float>();
  const auto convert = [&](auto* in) {
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<float>(static_cast<int64_t>(in[i]) - zero) * scale;
    }
  };
  if (view.type.dtype == DType::u8) {
    convert(view.as<const uint8_t>());
  } else {
    convert(view.as<const int8_t>());
  }
  return result;
}

/// Weights with a scale per output channel: the first axis of a convolution, the last of a product.
Tensor dequantized_weights(const TensorView& view, const TensorView& scales, bool product) {
  Tensor result = dequantized(view, 1.0f, 0);
  auto out = result.mutable_data<float>();
  const auto channels = static_cast<size_t>(scales.size());
  const size_t inner = out.size() / std::max<size_t>(channels, 1);
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] *= scales.as<const float>()[product ? i % channels : i / inner];
  }
  return result;
}

/// The fused operator in fp32 that a quantised node computes between its conversions.
Node float_node(const Node& node) {
  Node inner = node;
  inner.op = node.op == "QuantizedConv" ? "Conv" : "MatMul";
  inner.inputs = {"x", "w", "b", "z"};
  if (node.inputs.size() <= bias || node.inputs[bias].empty()) inner.inputs[2].clear();
  if (node.inputs.size() <= residual || node.inputs[residual].empty()) inner.inputs.resize(3);
  for (const AttributeSpec& spec : quantized_attributes()) inner.attributes.erase(spec.name);
  return inner;
}

/// Types of the fp32 operator's inputs, kept alive for its context.
struct FloatTypes {
  explicit FloatTypes(const NodeContext& context) {
    for (const size_t i : {size_t{values}, size_t{weights}, size_t{bias}, size_t{residual}}) {
      types.push_back({DType::f32, context.present(i) ? context.shape(i) : Shape{}});
      present.push_back(context.present(i));
    }
    if (!present.back()) {
      types.pop_back();
      present.pop_back();
    }
    for (size_t i = 0; i < types.size(); ++i) {
      pointers.push_back(present[i] ? &types[i] : nullptr);
      constants.push_back(nullptr);
    }
  }
  std::vector<TensorType> types;
  std::vector<bool> present;
  std::vector<const TensorType*> pointers;
  std::vector<const Tensor*> constants;
};

void require_type(const NodeContext& context, size_t input, const std::string& what,
                  const std::vector<DType>& wanted) {
  if (!context.present(input)) return;
  const DType found = context.type(input).dtype;
  if (std::find(wanted.begin(), wanted.end(), found) != wanted.end()) return;
  std::string all;
  for (const DType type : wanted) all += (all.empty() ? "" : " or ") + std::string(name(type));
  throw Error(describe(context.node), "has " + what + " " + to_string(context.type(input)), all);
}

std::vector<TensorType> infer(const NodeContext& context) {
  require_type(context, values, "values", {DType::u8, DType::i8});
  require_type(context, weights, "weights", {DType::i8});
  require_type(context, weight_scales, "weight scales", {DType::f32});
  require_type(context, bias, "a bias", {DType::f32});
  require_type(context, residual, "a residual", {DType::u8, DType::f32});
  if (context.shape(weights).size() < 2) {
    throw Error(describe(context.node), "has weights " + to_string(context.type(weights)),
                "at least 2 dimensions");
  }
  const Node inner = float_node(context.node);
  const FloatTypes types(context);
  auto result = operators().get(inner).infer({inner, types.pointers, types.constants});
  const Shape& weight_shape = context.shape(weights);
  const int64_t channels =
      context.node.op == "QuantizedConv" ? weight_shape.front() : weight_shape.back();
  if (context.shape(weight_scales) != Shape{channels}) {
    throw Error(describe(context.node),
                "has weight scales " + to_string(context.shape(weight_scales)),
                "one for each of " + std::to_string(channels) + " output channels");
  }
  if (quantization_of(context.node).writes_u8) result[0].dtype = DType::u8;
  return result;
}

void quantize(std::span<const float> in, uint8_t* out, float scale, int64_t zero) {
  for (size_t i = 0; i < in.size(); ++i) {
    const float q = std::nearbyint(in[i] / scale) + static_cast<float>(zero);
    out[i] = static_cast<uint8_t>(std::clamp(q, 0.0f, 255.0f));
  }
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType> outputs) {
  const Node inner = float_node(context.node);
  const FloatTypes types(context);
  const std::vector<TensorType> result = {{DType::f32, outputs[0].shape}};
  Evaluator body = operators().get(inner).prepare({inner, types.pointers, types.constants}, result);
  const Quantization q = quantization_of(context.node);
  const bool product = context.node.op == "QuantizedMatMul";
  const size_t count = types.types.size();
  return [body = std::move(body), q, product, count](std::span<const TensorView> in,
                                                     std::span<const TensorView> out) {
    Tensor x = dequantized(in[values], q.input_scale, q.input_zero);
    Tensor w = dequantized_weights(in[weights], in[weight_scales], product);
    std::vector<TensorView> arguments = {view(x), view(w), {}, {}};
    arguments.resize(count);
    if (in.size() > bias && count > 2) arguments[2] = in[bias];
    Tensor z;
    if (count > 3) {
      const bool is_u8 = in[residual].type.dtype == DType::u8;
      if (is_u8) z = dequantized(in[residual], q.residual_scale, q.residual_zero);
      arguments[3] = is_u8 ? view(z) : in[residual];
    }
    if (!q.writes_u8) {
      body(arguments, out);
      return;
    }
    Tensor y(DType::f32, out[0].type.shape);
    const TensorView target = view(y);
    body(arguments, std::span(&target, 1));
    quantize(std::as_const(y).data<float>(), out[0].as<uint8_t>(), q.output_scale, q.output_zero);
  };
}

Operator quantized(const std::string& name, std::vector<AttributeSpec> attributes) {
  for (AttributeSpec& spec : activation_attributes()) attributes.push_back(std::move(spec));
  for (AttributeSpec& spec : quantized_attributes()) attributes.push_back(std::move(spec));
  Operator op;
  op.name = name;
  op.domain = "betimes";
  op.min_inputs = 3;
  op.max_inputs = 5;
  op.attributes = std::move(attributes);
  op.infer = infer;
  op.prepare = prepare;
  return op;
}

}  // namespace

std::vector<AttributeSpec> quantized_attributes() {
  return {{"input_scale", AttributeKind::real},    {"input_zero", AttributeKind::integer},
          {"residual_scale", AttributeKind::real}, {"residual_zero", AttributeKind::integer},
          {"output_scale", AttributeKind::real},   {"output_zero", AttributeKind::integer}};
}

Quantization quantization_of(const Node& node) {
  Quantization q;
  q.input_scale = node.get("input_scale", 1.0f);
  q.input_zero = node.get("input_zero", int64_t{0});
  q.residual_scale = node.get("residual_scale", 1.0f);
  q.residual_zero = node.get("residual_zero", int64_t{0});
  q.writes_u8 = node.has("output_scale");
  q.output_scale = node.get("output_scale", 1.0f);
  q.output_zero = node.get("output_zero", int64_t{0});
  return q;
}

void register_quantized(OperatorRegistry& registry) {
  registry.add(quantized("QuantizedConv", {{"auto_pad", AttributeKind::text},
                                           {"dilations", AttributeKind::integers},
                                           {"group", AttributeKind::integer},
                                           {"kernel_shape", AttributeKind::integers},
                                           {"pads", AttributeKind::integers},
                                           {"strides", AttributeKind::integers}}));
  registry.add(quantized("QuantizedMatMul", {}));
}

}  // namespace betimes::graph

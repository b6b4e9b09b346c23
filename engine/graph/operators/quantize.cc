// QuantizeLinear and DequantizeLinear (13, and the 16-bit integers of 21), DynamicQuantizeLinear
// (11).
#include <algorithm>
#include <cmath>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/quantization.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

/// Runs of elements that share a scale: element i has scale i / inner % scales.
struct Channels {
  int64_t count = 0;
  int64_t inner = 1;
  int64_t scales = 1;
};

Channels channels(const NodeContext& context) {
  const Shape& shape = context.shape(0);
  Channels result{element_count(shape)};
  if (element_count(context.shape(1)) == 1) return result;
  const size_t axis = normalized_axis(context, context.node.get("axis", int64_t{1}), shape.size());
  result.scales = shape[axis];
  for (size_t i = axis + 1; i < shape.size(); ++i) result.inner *= shape[i];
  return result;
}

void check_scale(const NodeContext& context) {
  require_dtype(context, 1, DType::f32);
  require_rank(context, 1, 0, 1);
  if (element_count(context.shape(1)) != 1) {
    const size_t axis =
        normalized_axis(context, context.node.get("axis", int64_t{1}), context.shape(0).size());
    require_shape(context, 1, {context.shape(0)[axis]});
  }
  if (context.present(2) && element_count(context.shape(2)) != element_count(context.shape(1))) {
    fail(context, found_input(context, 2), "as many zero points as scales");
  }
}

using Quantized = Types<uint8_t, int8_t, uint16_t, int16_t>;

std::vector<TensorType> infer_quantize(const NodeContext& context) {
  check_scale(context);
  DType dtype = DType::u8;
  if (context.present(2)) {
    require_one_of(context, 2, Quantized::list());
    dtype = context.type(2).dtype;
  }
  return one(dtype, context.shape(0));
}

Evaluator prepare_quantize(const NodeContext& context, std::span<const TensorType> outputs) {
  const Channels all = channels(context);
  return Types<float, int32_t>::dispatch(context.type(0).dtype, [&](auto zero) {
    using From = decltype(zero);
    return Quantized::dispatch(outputs[0].dtype, [&](auto byte) -> Evaluator {
      using To = decltype(byte);
      return [all](auto inputs, auto results) {
        const From* x = inputs[0].template as<From>();
        const float* scale = inputs[1].template as<float>();
        const To* zero_point = inputs.size() > 2 ? inputs[2].template as<To>() : nullptr;
        To* y = results[0].template as<To>();
        for (int64_t i = 0; i < all.count; ++i) {
          const int64_t c = i / all.inner % all.scales;
          y[i] = quantize<To>(static_cast<float>(x[i]), scale[c], zero_point ? zero_point[c] : 0);
        }
      };
    });
  });
}

using Dequantized = Types<uint8_t, int8_t, uint16_t, int16_t, int32_t>;

std::vector<TensorType> infer_dequantize(const NodeContext& context) {
  check_scale(context);
  if (context.present(2)) require_same_dtype(context, 2, 0);
  return one(DType::f32, context.shape(0));
}

Evaluator prepare_dequantize(const NodeContext& context, std::span<const TensorType>) {
  const Channels all = channels(context);
  return Dequantized::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using From = decltype(zero);
    return [all](auto inputs, auto outputs) {
      const From* x = inputs[0].template as<From>();
      const float* scale = inputs[1].template as<float>();
      const From* zero_point = inputs.size() > 2 ? inputs[2].template as<From>() : nullptr;
      float* y = outputs[0].template as<float>();
      for (int64_t i = 0; i < all.count; ++i) {
        const int64_t c = i / all.inner % all.scales;
        const int64_t off = int64_t{x[i]} - (zero_point ? int64_t{zero_point[c]} : 0);
        y[i] = static_cast<float>(off) * scale[c];
      }
    };
  });
}

std::vector<TensorType> infer_dynamic_quantize(const NodeContext& context) {
  return {{DType::u8, context.shape(0)}, {DType::f32, {}}, {DType::u8, {}}};
}

Evaluator prepare_dynamic_quantize(const NodeContext& context, std::span<const TensorType>) {
  return [count = element_count(context.shape(0))](auto inputs, auto outputs) {
    const float* x = inputs[0].template as<float>();
    float low = 0;
    float high = 0;
    for (int64_t i = 0; i < count; ++i) {
      low = std::min(low, x[i]);
      high = std::max(high, x[i]);
    }
    const float scale = high > low ? (high - low) / 255.0f : 1.0f;
    const auto zero_point = quantize<uint8_t>(-low, scale, 0);
    for (int64_t i = 0; i < count; ++i) {
      outputs[0].template as<uint8_t>()[i] = quantize<uint8_t>(x[i], scale, zero_point);
    }
    *outputs[1].template as<float>() = scale;
    *outputs[2].template as<uint8_t>() = zero_point;
  };
}

}  // namespace

void register_quantize(OperatorRegistry& registry) {
  registry.add({.name = "QuantizeLinear",
                .min_inputs = 2,
                .max_inputs = 3,
                .attributes = {{"axis", AttributeKind::integer}},
                .types = {DType::f32, DType::i32},
                .infer = infer_quantize,
                .prepare = prepare_quantize});
  registry.add({.name = "DequantizeLinear",
                .min_inputs = 2,
                .max_inputs = 3,
                .attributes = {{"axis", AttributeKind::integer}},
                .types = Dequantized::list(),
                .foldable = false,
                .infer = infer_dequantize,
                .prepare = prepare_dequantize});
  registry.add({.name = "DynamicQuantizeLinear",
                .min_outputs = 3,
                .max_outputs = 3,
                .types = {DType::f32},
                .infer = infer_dynamic_quantize,
                .prepare = prepare_dynamic_quantize});
}

}  // namespace betimes::graph

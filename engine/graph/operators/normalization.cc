// BatchNormalization (15), InstanceNormalization (6), LayerNormalization (17) and LRN (13).
#include <algorithm>
#include <cmath>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

int64_t size_from(const Shape& shape, size_t first) {
  return element_count({shape.begin() + static_cast<std::ptrdiff_t>(first), shape.end()});
}

void require_per_channel(const NodeContext& context, size_t inputs) {
  for (size_t i = 1; i < inputs; ++i) {
    require_same_dtype(context, i, 0);
    require_shape(context, i, {context.shape(0)[1]});
  }
}

std::vector<TensorType> infer_batch_norm(const NodeContext& context) {
  if (flag(context, "training_mode", false)) fail(context, "training_mode isn't supported", "0");
  if (context.node.outputs.size() > 1) {
    fail(context, "has " + std::to_string(context.node.outputs.size()) + " outputs",
         "1, as training isn't supported");
  }
  require_rank(context, 0, 2, max_rank);
  require_per_channel(context, 5);
  return same_as_input(context);
}

Evaluator prepare_batch_norm(const NodeContext& context, std::span<const TensorType>) {
  const Shape& shape = context.shape(0);
  const double epsilon = context.node.get("epsilon", 1e-5f);
  return Wide::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=, batch = shape[0], channels = shape[1], plane = size_from(shape, 2)](auto inputs,
                                                                                   auto outputs) {
      const T* x = inputs[0].template as<T>();
      T* y = outputs[0].template as<T>();
      for (int64_t n = 0; n < batch; ++n) {
        for (int64_t c = 0; c < channels; ++c, x += plane, y += plane) {
          const double variance = inputs[4].template as<T>()[c];
          const double scale = inputs[1].template as<T>()[c] / std::sqrt(variance + epsilon);
          const double mean = inputs[3].template as<T>()[c];
          const double shift = inputs[2].template as<T>()[c];
          for (int64_t i = 0; i < plane; ++i) y[i] = static_cast<T>((x[i] - mean) * scale + shift);
        }
      }
    };
  });
}

struct Moments {
  double mean = 0;
  double inverse_deviation = 0;
};

template <class T>
Moments moments(const T* x, int64_t count, double epsilon) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(load(x[i]));
  const double mean = sum / static_cast<double>(count);
  double squares = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double off = static_cast<double>(load(x[i])) - mean;
    squares += off * off;
  }
  return {mean, 1 / std::sqrt(squares / static_cast<double>(count) + epsilon)};
}

std::vector<TensorType> infer_instance_norm(const NodeContext& context) {
  require_rank(context, 0, 2, max_rank);
  require_per_channel(context, 3);
  return same_as_input(context);
}

Evaluator prepare_instance_norm(const NodeContext& context, std::span<const TensorType>) {
  const Shape& shape = context.shape(0);
  const double epsilon = context.node.get("epsilon", 1e-5f);
  return Wide::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=, batch = shape[0], channels = shape[1], plane = size_from(shape, 2)](auto inputs,
                                                                                   auto outputs) {
      const T* x = inputs[0].template as<T>();
      T* y = outputs[0].template as<T>();
      for (int64_t i = 0; i < batch * channels; ++i, x += plane, y += plane) {
        const Moments m = moments(x, plane, epsilon);
        const double scale = inputs[1].template as<T>()[i % channels] * m.inverse_deviation;
        const double shift = inputs[2].template as<T>()[i % channels];
        for (int64_t k = 0; k < plane; ++k) y[k] = static_cast<T>((x[k] - m.mean) * scale + shift);
      }
    };
  });
}

size_t layer_axis(const NodeContext& context) {
  return normalized_axis(context, context.node.get("axis", int64_t{-1}), context.shape(0).size());
}

Shape normalized_shape(const NodeContext& context) {
  const Shape& shape = context.shape(0);
  return {shape.begin() + static_cast<std::ptrdiff_t>(layer_axis(context)), shape.end()};
}

std::vector<TensorType> infer_layer_norm(const NodeContext& context) {
  const TensorType& x = context.type(0);
  for (size_t i = 1; i < 3; ++i) {
    if (!context.present(i)) continue;
    require_same_dtype(context, i, 0);
    require_broadcastable(context, i, normalized_shape(context));
  }
  bounded(context, "attribute 'stash_type'", context.node.get("stash_type", int64_t{1}), 1, 1);
  Shape statistics = x.shape;
  std::fill(statistics.begin() + static_cast<std::ptrdiff_t>(layer_axis(context)), statistics.end(),
            1);
  return {x, {DType::f32, statistics}, {DType::f32, statistics}};
}

/// (x - mean) / deviation * scale + bias over one row; scale and bias are read at offsets of
/// `walk`.
template <class T>
void normalize_row(const Walk<3>& walk, const Moments& m, const T* x, const T* scale, const T* bias,
                   T* y) {
  walk.run([&](const Walk<3>::Offsets& at) {
    double value = (static_cast<double>(load(x[at[0]])) - m.mean) * m.inverse_deviation;
    value *= static_cast<double>(load(scale[at[1]]));
    if (bias) value += static_cast<double>(load(bias[at[2]]));
    y[at[0]] = store<T>(static_cast<Compute<T>>(value));
  });
}

Evaluator prepare_layer_norm(const NodeContext& context, std::span<const TensorType>) {
  const Shape row = normalized_shape(context);
  const int64_t count = element_count(row);
  // Of empty rows there are statistics too, NaN.
  const Shape& shape = context.shape(0);
  const int64_t rows =
      element_count({shape.begin(), shape.end() - static_cast<std::ptrdiff_t>(row.size())});
  const double epsilon = context.node.get("epsilon", 1e-5f);
  const Strides still(row.size(), 0);
  const Walk<3> walk(row, {row_major(row), broadcast_strides(context.shape(1), row),
                           context.present(2) ? broadcast_strides(context.shape(2), row) : still});
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto inputs, auto outputs) {
      const T* bias = inputs.size() > 2 ? inputs[2].template as<T>() : nullptr;
      for (int64_t i = 0; i < rows; ++i) {
        const T* x = inputs[0].template as<T>() + i * count;
        const Moments m = moments(x, count, epsilon);
        normalize_row(walk, m, x, inputs[1].template as<T>(), bias,
                      outputs[0].template as<T>() + i * count);
        if (outputs.size() > 1) {
          outputs[1].template as<float>()[i] = static_cast<float>(m.mean);
        }
        if (outputs.size() > 2) {
          outputs[2].template as<float>()[i] = static_cast<float>(m.inverse_deviation);
        }
      }
    };
  });
}

int64_t lrn_size(const NodeContext& context) {
  if (!context.node.has("size")) fail(context, "attribute 'size' is missing");
  return bounded(context, "attribute 'size'", context.node.get("size", int64_t{1}), 1,
                 int64_t{1} << 31);
}

std::vector<TensorType> infer_lrn(const NodeContext& context) {
  require_rank(context, 0, 2, max_rank);
  lrn_size(context);
  return same_as_input(context);
}

Evaluator prepare_lrn(const NodeContext& context, std::span<const TensorType>) {
  const Shape& shape = context.shape(0);
  const int64_t size = lrn_size(context);
  const double alpha = context.node.get("alpha", 1e-4f) / static_cast<double>(size);
  const double beta = context.node.get("beta", 0.75f);
  const double bias = context.node.get("bias", 1.0f);
  return Wide::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=, batch = shape[0], channels = shape[1], plane = size_from(shape, 2)](auto inputs,
                                                                                   auto outputs) {
      const T* x = inputs[0].template as<T>();
      T* y = outputs[0].template as<T>();
      for (int64_t i = 0; i < batch * channels * plane; ++i) {
        const int64_t c = i / plane % channels;
        const int64_t first = std::max<int64_t>(0, c - (size - 1) / 2);
        const int64_t last = std::min<int64_t>(channels - 1, c + size / 2);
        double squares = 0;
        for (int64_t k = first; k <= last; ++k) {
          const double value = x[i + (k - c) * plane];
          squares += value * value;
        }
        y[i] = static_cast<T>(x[i] / std::pow(bias + alpha * squares, beta));
      }
    };
  });
}

}  // namespace

void register_normalization(OperatorRegistry& registry) {
  registry.add({.name = "BatchNormalization",
                .min_inputs = 5,
                .max_inputs = 5,
                .max_outputs = 3,
                .attributes = {{"epsilon", AttributeKind::real},
                               {"momentum", AttributeKind::real},
                               {"training_mode", AttributeKind::integer}},
                .types = Wide::list(),
                .infer = infer_batch_norm,
                .prepare = prepare_batch_norm});
  registry.add({.name = "InstanceNormalization",
                .min_inputs = 3,
                .max_inputs = 3,
                .attributes = {{"epsilon", AttributeKind::real}},
                .types = Wide::list(),
                .infer = infer_instance_norm,
                .prepare = prepare_instance_norm});
  registry.add({.name = "LayerNormalization",
                .min_inputs = 2,
                .max_inputs = 3,
                .max_outputs = 3,
                .attributes = {{"axis", AttributeKind::integer},
                               {"epsilon", AttributeKind::real},
                               {"stash_type", AttributeKind::integer},
                               {"sources", AttributeKind::texts}},
                .types = Floats::list(),
                .infer = infer_layer_norm,
                .prepare = prepare_layer_norm});
  registry.add({.name = "LRN",
                .attributes = {{"alpha", AttributeKind::real},
                               {"beta", AttributeKind::real},
                               {"bias", AttributeKind::real},
                               {"size", AttributeKind::integer}},
                .types = Wide::list(),
                .infer = infer_lrn,
                .prepare = prepare_lrn});
}

}  // namespace betimes::graph

// GroupNormalization (21), whose scale and bias are per channel.
#include <cmath>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

int64_t groups_of(const NodeContext& context) {
  if (!context.node.has("num_groups")) fail(context, "attribute 'num_groups' is missing");
  const int64_t channels = context.shape(0)[1];
  const int64_t groups = bounded(context, "attribute 'num_groups'",
                                 context.node.get("num_groups", int64_t{1}), 1, int64_t{1} << 31);
  if (channels % groups != 0) {
    fail(context, "has " + std::to_string(channels) + " channels",
         "a multiple of " + std::to_string(groups));
  }
  return groups;
}

std::vector<TensorType> infer(const NodeContext& context) {
  require_rank(context, 0, 2, max_rank);
  groups_of(context);
  bounded(context, "attribute 'stash_type'", context.node.get("stash_type", int64_t{1}), 1, 1);
  for (size_t i = 1; i < 3; ++i) {
    require_same_dtype(context, i, 0);
    require_shape(context, i, {context.shape(0)[1]});
  }
  return same_as_input(context);
}

template <class T>
void normalize(const T* x, const T* scale, const T* bias, T* y, int64_t channels, int64_t plane,
               double epsilon) {
  const auto count = static_cast<double>(channels * plane);
  double sum = 0;
  for (int64_t i = 0; i < channels * plane; ++i) sum += static_cast<double>(load(x[i]));
  const double mean = sum / count;
  double squares = 0;
  for (int64_t i = 0; i < channels * plane; ++i) {
    const double off = static_cast<double>(load(x[i])) - mean;
    squares += off * off;
  }
  const double factor = 1 / std::sqrt(squares / count + epsilon);
  for (int64_t i = 0; i < channels * plane; ++i) {
    const double normal = (static_cast<double>(load(x[i])) - mean) * factor;
    const double result = normal * static_cast<double>(load(scale[i / plane])) +
                          static_cast<double>(load(bias[i / plane]));
    y[i] = store<T>(static_cast<Compute<T>>(result));
  }
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType>) {
  const Shape& shape = context.shape(0);
  const int64_t groups = groups_of(context);
  const double epsilon = context.node.get("epsilon", 1e-5f);
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=, batch = shape[0], channels = shape[1] / groups,
            plane = element_count({shape.begin() + 2, shape.end()})](auto inputs, auto outputs) {
      for (int64_t i = 0; i < batch * groups; ++i) {
        const int64_t first = i * channels * plane;
        const int64_t channel = i % groups * channels;
        normalize(inputs[0].template as<const T>() + first,
                  inputs[1].template as<const T>() + channel,
                  inputs[2].template as<const T>() + channel, outputs[0].template as<T>() + first,
                  channels, plane, epsilon);
      }
    };
  });
}

}  // namespace

void register_group_normalization(OperatorRegistry& registry) {
  registry.add({.name = "GroupNormalization",
                .min_inputs = 3,
                .max_inputs = 3,
                .attributes = {{"epsilon", AttributeKind::real},
                               {"num_groups", AttributeKind::integer},
                               {"stash_type", AttributeKind::integer}},
                .types = Floats::list(),
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph

// ReverseSequence (10).
#include <algorithm>
#include <cstring>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

struct Axes {
  size_t time, batch;
};

Axes axes_of(const NodeContext& context) {
  const Axes axes{static_cast<size_t>(bounded(context, "time_axis",
                                              context.node.get("time_axis", int64_t{0}), 0, 1)),
                  static_cast<size_t>(bounded(context, "batch_axis",
                                              context.node.get("batch_axis", int64_t{1}), 0, 1))};
  if (axes.time == axes.batch) fail(context, "time_axis and batch_axis are the same");
  return axes;
}

std::vector<TensorType> infer(const NodeContext& context) {
  require_rank(context, 0, 2, max_rank);
  require_dtype(context, 1, DType::i64);
  require_shape(context, 1, {context.shape(0)[axes_of(context).batch]});
  return same_as_input(context);
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType>) {
  const Shape& shape = context.shape(0);
  const Axes axes = axes_of(context);
  const Strides strides = row_major(shape);
  const int64_t steps = shape[axes.time];
  const int64_t batch = shape[axes.batch];
  const size_t block = byte_size({context.type(0).dtype, {shape.begin() + 2, shape.end()}});
  const size_t width = size_of(context.type(0).dtype);
  const auto offset = [=, time = strides[axes.time], other = strides[axes.batch]](int64_t t,
                                                                                  int64_t b) {
    return static_cast<size_t>(t * time + b * other) * width;
  };
  return [=](auto inputs, auto outputs) {
    const auto* x = inputs[0].template as<const std::byte>();
    const int64_t* lengths = inputs[1].template as<const int64_t>();
    auto* y = outputs[0].template as<std::byte>();
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t length = std::clamp<int64_t>(lengths[b], 0, steps);
      for (int64_t t = 0; block > 0 && t < steps; ++t) {
        const int64_t from = t < length ? length - 1 - t : t;
        std::memcpy(y + offset(t, b), x + offset(from, b), block);
      }
    }
  };
}

}  // namespace

void register_reverse_sequence(OperatorRegistry& registry) {
  registry.add({.name = "ReverseSequence",
                .min_inputs = 2,
                .max_inputs = 2,
                .attributes = {{"batch_axis", AttributeKind::integer},
                               {"time_axis", AttributeKind::integer}},
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph

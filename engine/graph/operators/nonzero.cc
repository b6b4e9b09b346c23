// NonZero (13), Compress (11): how many elements they give depends on values.
#include <algorithm>
#include <cstring>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

using All = Types<float, double, float16, bfloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                  uint16_t, uint32_t, uint64_t, bool>;

/// Places of the elements that aren't 0, in row-major order.
std::vector<int64_t> nonzero_places(const Tensor& x) {
  return All::dispatch(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto values = x.data<T>();
    std::vector<int64_t> places;
    for (size_t i = 0; i < values.size(); ++i) {
      if (load(values[i]) != Compute<T>{}) places.push_back(static_cast<int64_t>(i));
    }
    return places;
  });
}

std::vector<TensorType> infer_nonzero(const NodeContext& context) {
  const Tensor& x = context.constant(0, "the tensor searched");
  const auto rank = static_cast<int64_t>(x.shape().size());
  return one(DType::i64, {rank, std::ssize(nonzero_places(x))});
}

Evaluator prepare_nonzero(const NodeContext& context, std::span<const TensorType>) {
  const Tensor& x = context.constant(0, "the tensor searched");
  return [places = nonzero_places(x), shape = x.shape()](auto, auto outputs) {
    int64_t* y = outputs[0].template as<int64_t>();
    int64_t step = 1;  // between neighbours along the axis
    for (size_t axis = shape.size(); axis-- > 0; step *= shape[axis]) {
      int64_t* row = y + static_cast<int64_t>(axis) * std::ssize(places);
      for (const int64_t place : places) *row++ = place / step % shape[axis];
    }
  };
}

/// What Compress picks: blocks of `inner` elements, of which there are `extent` in each of `outer`.
struct Picks {
  int64_t outer = 1;
  int64_t extent = 1;
  int64_t inner = 1;
  std::vector<int64_t> chosen;
  Shape shape;  // of the output

  explicit Picks(const NodeContext& context);
};

Picks::Picks(const NodeContext& context) {
  require_rank(context, 0, 1, max_rank);
  require_dtype(context, 1, DType::boolean);
  require_rank(context, 1, 1, 1);
  const auto condition = context.constant(1, "the condition").data<bool>();
  for (size_t i = 0; i < condition.size(); ++i) {
    if (condition[i]) chosen.push_back(static_cast<int64_t>(i));
  }
  const Shape& data = context.shape(0);
  if (context.node.has("axis")) {
    const size_t axis = normalized_axis(context, context.node.get("axis", int64_t{0}), data.size());
    const auto at = data.begin() + static_cast<std::ptrdiff_t>(axis);
    outer = element_count({data.begin(), at});
    extent = *at;
    inner = element_count({at + 1, data.end()});
    shape = data;
    shape[axis] = std::ssize(chosen);
  } else {
    extent = element_count(data);
    shape = {std::ssize(chosen)};
  }
  if (!chosen.empty() && chosen.back() >= extent) {
    fail(context, "the condition chooses element " + std::to_string(chosen.back()),
         "those below " + std::to_string(extent));
  }
}

std::vector<TensorType> infer_compress(const NodeContext& context) {
  return one(context.type(0).dtype, Picks(context).shape);
}

Evaluator prepare_compress(const NodeContext& context, std::span<const TensorType>) {
  return
      [picks = Picks(context), width = size_of(context.type(0).dtype)](auto inputs, auto outputs) {
        const auto* from = inputs[0].template as<const std::byte>();
        auto* to = outputs[0].template as<std::byte>();
        const size_t bytes = static_cast<size_t>(picks.inner) * width;
        if (bytes == 0) return;
        for (int64_t i = 0; i < picks.outer; ++i) {
          for (const int64_t k : picks.chosen) {
            std::memcpy(to, from + static_cast<size_t>(i * picks.extent + k) * bytes, bytes);
            to += bytes;
          }
        }
      };
}

}  // namespace

void register_nonzero(OperatorRegistry& registry) {
  registry.add({.name = "NonZero", .infer = infer_nonzero, .prepare = prepare_nonzero});
  registry.add({.name = "Compress",
                .min_inputs = 2,
                .max_inputs = 2,
                .attributes = {{"axis", AttributeKind::integer}},
                .infer = infer_compress,
                .prepare = prepare_compress});
}

}  // namespace betimes::graph

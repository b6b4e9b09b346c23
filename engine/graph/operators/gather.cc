// Gather (13) and GatherElements (13).
#include <cstring>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/index.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

size_t gather_axis(const NodeContext& context) {
  return normalized_axis(context, context.node.get("axis", int64_t{0}), context.shape(0).size());
}

std::vector<TensorType> infer_gather(const NodeContext& context) {
  require_one_of(context, 1, Indices::list());
  const auto axis = static_cast<std::ptrdiff_t>(gather_axis(context));
  const Shape& x = context.shape(0);
  const Shape& indices = context.shape(1);
  Shape shape(x.begin(), x.begin() + axis);
  shape.insert(shape.end(), indices.begin(), indices.end());
  shape.insert(shape.end(), x.begin() + axis + 1, x.end());
  return one(context.type(0).dtype, shape);
}

Evaluator prepare_gather(const NodeContext& context, std::span<const TensorType>) {
  const TensorType& x = context.type(0);
  const size_t axis = gather_axis(context);
  const auto split = x.shape.begin() + static_cast<std::ptrdiff_t>(axis);
  const int64_t outer = element_count({x.shape.begin(), split});
  const size_t block = byte_size({x.dtype, {split + 1, x.shape.end()}});
  const int64_t count = element_count(context.shape(1));
  return Indices::dispatch(context.type(1).dtype, [&](auto zero) -> Evaluator {
    using Index = decltype(zero);
    return [=, extent = x.shape[axis]](auto inputs, auto outputs) {
      const auto* from = inputs[0].template as<std::byte>();
      const Index* indices = inputs[1].template as<Index>();
      auto* to = outputs[0].template as<std::byte>();
      for (int64_t i = 0; i < outer; ++i) {
        for (int64_t k = 0; k < count; ++k, to += block) {
          const int64_t row = i * extent + checked_index(indices[k], extent, "Gather");
          if (block) std::memcpy(to, from + static_cast<size_t>(row) * block, block);
        }
      }
    };
  });
}

std::vector<TensorType> infer_gather_elements(const NodeContext& context) {
  require_one_of(context, 1, Indices::list());
  const size_t axis = gather_axis(context);
  const Shape& x = context.shape(0);
  const Shape& indices = context.shape(1);
  bool fits = indices.size() == x.size();
  for (size_t i = 0; fits && i < x.size(); ++i) fits = i == axis || indices[i] <= x[i];
  if (!fits) {
    fail(context, found_input(context, 1),
         "at most " + to_string(x) + " in all axes but " + std::to_string(axis));
  }
  return one(context.type(0).dtype, indices);
}

Evaluator prepare_gather_elements(const NodeContext& context, std::span<const TensorType> outputs) {
  const TensorType& x = context.type(0);
  const size_t axis = gather_axis(context);
  Strides strides = row_major(x.shape);
  const int64_t step = strides[axis];
  strides[axis] = 0;
  const Walk<2> walk(outputs[0].shape, {strides, row_major(outputs[0].shape)});
  return Indices::dispatch(context.type(1).dtype, [&](auto zero) -> Evaluator {
    using Index = decltype(zero);
    return [=, extent = x.shape[axis], width = size_of(x.dtype)](auto inputs, auto results) {
      const Index* indices = inputs[1].template as<Index>();
      walk.run([&](const Walk<2>::Offsets& at) {
        const int64_t index = checked_index(indices[at[1]], extent, "GatherElements");
        const auto from = static_cast<size_t>(at[0] + index * step) * width;
        std::memcpy(results[0].template as<std::byte>() + static_cast<size_t>(at[1]) * width,
                    inputs[0].template as<std::byte>() + from, width);
      });
    };
  });
}

}  // namespace

void register_gather(OperatorRegistry& registry) {
  registry.add({.name = "Gather",
                .min_inputs = 2,
                .max_inputs = 2,
                .attributes = {{"axis", AttributeKind::integer}},
                .infer = infer_gather,
                .prepare = prepare_gather});
  registry.add({.name = "GatherElements",
                .min_inputs = 2,
                .max_inputs = 2,
                .attributes = {{"axis", AttributeKind::integer}},
                .infer = infer_gather_elements,
                .prepare = prepare_gather_elements});
}

}  // namespace betimes::graph

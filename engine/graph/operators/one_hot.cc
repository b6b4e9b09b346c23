// OneHot (11).
#include <algorithm>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

int64_t depth_of(const NodeContext& context) {
  require_one_of(context, 1, Numbers::list());
  require_single(context, 1);
  const double depth = first_value(context.constant(1, "depth"));
  if (!(depth >= 0 && depth <= static_cast<double>(max_value_bytes))) {
    fail(context, "depth is " + std::to_string(depth), "a number of classes");
  }
  return static_cast<int64_t>(depth);
}

/// The axis that is new in the output.
size_t new_axis(const NodeContext& context) {
  return normalized_axis(context, context.node.get("axis", int64_t{-1}),
                         context.shape(0).size() + 1);
}

std::vector<TensorType> infer_one_hot(const NodeContext& context) {
  require_shape(context, 2, {2});
  Shape shape = context.shape(0);
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(new_axis(context)), depth_of(context));
  return one(context.type(2).dtype, shape);
}

Evaluator prepare_one_hot(const NodeContext& context, std::span<const TensorType> outputs) {
  const size_t axis = new_axis(context);
  const int64_t depth = depth_of(context);
  const Shape& shape = outputs[0].shape;
  const auto behind = shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1;
  const int64_t inner = element_count({behind, shape.end()});
  return Numbers::dispatch(context.type(0).dtype, [&](auto index) {
    return visit(outputs[0].dtype, [&](auto zero) -> Evaluator {
      using I = decltype(index);
      using T = decltype(zero);
      return [=, count = element_count(shape)](auto inputs, auto results) {
        const I* indices = inputs[0].template as<const I>();
        const T off = inputs[2].template as<const T>()[0];
        const T on = inputs[2].template as<const T>()[1];
        T* y = results[0].template as<T>();
        std::fill_n(y, count, off);
        // Indices count from either end; those beyond both set nothing.
        for (int64_t i = 0; depth > 0 && i < count / depth; ++i) {
          auto hot = convert<int64_t>(indices[i]);
          if (hot < 0) hot += depth;
          if (hot >= 0 && hot < depth) y[(i / inner * depth + hot) * inner + i % inner] = on;
        }
      };
    });
  });
}

}  // namespace

void register_one_hot(OperatorRegistry& registry) {
  registry.add({.name = "OneHot",
                .min_inputs = 3,
                .max_inputs = 3,
                .attributes = {{"axis", AttributeKind::integer}},
                .types = Numbers::list(),
                .infer = infer_one_hot,
                .prepare = prepare_one_hot});
}

}  // namespace betimes::graph

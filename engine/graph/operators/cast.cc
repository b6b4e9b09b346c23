// Cast (13) and CastLike (15): floats to integers truncate and saturate, NaN becomes 0.
#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

std::vector<TensorType> infer_cast(const NodeContext& context) {
  if (!context.node.has("to")) fail(context, "attribute 'to' is missing");
  return one(dtype_of_onnx(context, context.node.get("to", int64_t{0})), context.shape(0));
}

std::vector<TensorType> infer_cast_like(const NodeContext& context) {
  return one(context.type(1).dtype, context.shape(0));
}

Evaluator prepare_cast(const NodeContext& context, std::span<const TensorType> outputs) {
  return visit(context.type(0).dtype, [&](auto from) -> Evaluator {
    return visit(outputs[0].dtype, [&](auto to) -> Evaluator {
      using From = decltype(from);
      using To = decltype(to);
      return [count = element_count(outputs[0].shape)](auto inputs, auto results) {
        const From* x = inputs[0].template as<From>();
        To* y = results[0].template as<To>();
        for (int64_t i = 0; i < count; ++i) y[i] = convert<To>(x[i]);
      };
    });
  });
}

}  // namespace

void register_cast(OperatorRegistry& registry) {
  registry.add({.name = "Cast",
                .attributes = {{"to", AttributeKind::integer}},
                .infer = infer_cast,
                .prepare = prepare_cast});
  registry.add({.name = "CastLike",
                .min_inputs = 2,
                .max_inputs = 2,
                .infer = infer_cast_like,
                .prepare = prepare_cast});
}

}  // namespace betimes::graph

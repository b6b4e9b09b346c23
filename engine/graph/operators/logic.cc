// Comparisons (13), logic (7) and Where (16).
#include "betimes/graph/detail/elementwise.h"

namespace betimes::graph {
namespace {

using namespace detail;

std::vector<TensorType> infer_logic(const NodeContext& context) {
  require_same_dtype(context, 1, 0);
  return one(DType::boolean, broadcast_shape(context));
}

template <class Set, class F>
Operator comparison(std::string name, F f) {
  return {.name = std::move(name),
          .min_inputs = 2,
          .max_inputs = 2,
          .types = Set::list(),
          .infer = infer_logic,
          .prepare = [f](const NodeContext& context, std::span<const TensorType> outputs) {
            return Set::dispatch(context.type(0).dtype, [&](auto zero) {
              return zip_elements<decltype(zero), bool>(context, outputs[0].shape, f);
            });
          }};
}

std::vector<TensorType> infer_where(const NodeContext& context) {
  require_same_dtype(context, 2, 1);
  return one(context.type(1).dtype, broadcast_shape(context));
}

Evaluator prepare_where(const NodeContext& context, std::span<const TensorType> outputs) {
  const Shape& shape = outputs[0].shape;
  const Walk<4> walk(shape, {broadcast_strides(context.shape(0), shape),
                             broadcast_strides(context.shape(1), shape),
                             broadcast_strides(context.shape(2), shape), row_major(shape)});
  return visit(outputs[0].dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [walk](auto inputs, auto results) {
      walk.run([&](const Walk<4>::Offsets& at) {
        const bool first = inputs[0].template as<bool>()[at[0]];
        results[0].template as<T>()[at[3]] =
            first ? inputs[1].template as<T>()[at[1]] : inputs[2].template as<T>()[at[2]];
      });
    };
  });
}

}  // namespace

void register_logic(OperatorRegistry& registry) {
  using Booleans = Types<bool>;
  using Everything = Types<float, double, float16, bfloat16, int8_t, int16_t, int32_t, int64_t,
                           uint8_t, uint16_t, uint32_t, uint64_t, bool>;
  registry.add(comparison<Everything>("Equal", [](auto a, auto b) { return a == b; }));
  registry.add(comparison<Numbers>("Less", [](auto a, auto b) { return a < b; }));
  registry.add(comparison<Numbers>("LessOrEqual", [](auto a, auto b) { return a <= b; }));
  registry.add(comparison<Numbers>("Greater", [](auto a, auto b) { return a > b; }));
  registry.add(comparison<Numbers>("GreaterOrEqual", [](auto a, auto b) { return a >= b; }));
  registry.add(comparison<Booleans>("And", [](bool a, bool b) { return a && b; }));
  registry.add(comparison<Booleans>("Or", [](bool a, bool b) { return a || b; }));
  registry.add(comparison<Booleans>("Xor", [](bool a, bool b) { return a != b; }));
  registry.add({.name = "Where",
                .min_inputs = 3,
                .max_inputs = 3,
                .types = Booleans::list(),
                .infer = infer_where,
                .prepare = prepare_where});
}

}  // namespace betimes::graph

// BitwiseAnd, BitwiseOr, BitwiseXor and BitwiseNot (18).
#include "betimes/graph/detail/elementwise.h"

namespace betimes::graph {
namespace {

using namespace detail;

std::vector<TensorType> infer(const NodeContext& context) {
  require_same_dtype(context, 1, 0);
  return one(context.type(0).dtype, broadcast_shape(context));
}

template <class F>
Operator binary(std::string name, F f) {
  return {.name = std::move(name),
          .min_inputs = 2,
          .max_inputs = 2,
          .types = Integers::list(),
          .infer = infer,
          .prepare = [f](const NodeContext& context, std::span<const TensorType> outputs) {
            return Integers::dispatch(context.type(0).dtype, [&](auto zero) {
              using T = decltype(zero);
              return zip_elements<T, T>(context, outputs[0].shape,
                                        [f](T a, T b) { return static_cast<T>(f(a, b)); });
            });
          }};
}

}  // namespace

void register_bitwise(OperatorRegistry& registry) {
  registry.add(binary("BitwiseAnd", [](auto a, auto b) { return a & b; }));
  registry.add(binary("BitwiseOr", [](auto a, auto b) { return a | b; }));
  registry.add(binary("BitwiseXor", [](auto a, auto b) { return a ^ b; }));
  registry.add(unary<Integers>("BitwiseNot", [](auto x) { return ~x; }));
}

}  // namespace betimes::graph

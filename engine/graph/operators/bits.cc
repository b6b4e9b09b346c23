// BitShift (11).
#include <limits>

#include "betimes/graph/detail/elementwise.h"

namespace betimes::graph {
namespace {

using namespace detail;

using Shifted = Types<uint8_t, uint16_t, uint32_t, uint64_t>;

bool to_the_left(const NodeContext& context) {
  const std::string direction = context.node.get("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") {
    fail(context, "direction is '" + direction + "'", "LEFT or RIGHT");
  }
  return direction == "LEFT";
}

std::vector<TensorType> infer(const NodeContext& context) {
  require_same_dtype(context, 1, 0);
  to_the_left(context);
  return one(context.type(0).dtype, broadcast_shape(context));
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType> outputs) {
  const bool left = to_the_left(context);
  return Shifted::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return zip_elements<T, T>(context, outputs[0].shape, [left](T x, T by) {
      // C++ doesn't say what comes of shifting everything out.
      if (by >= std::numeric_limits<T>::digits) return T{0};
      return static_cast<T>(left ? uint64_t{x} << by : uint64_t{x} >> by);
    });
  });
}

}  // namespace

void register_bits(OperatorRegistry& registry) {
  registry.add({.name = "BitShift",
                .min_inputs = 2,
                .max_inputs = 2,
                .attributes = {{"direction", AttributeKind::text}},
                .types = Shifted::list(),
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph

// LpNormalization (1): divides what lies along an axis by its norm.
#include <cmath>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

struct Norm {
  int64_t outer = 1, extent = 1, inner = 1;
  bool squares = true;
};

Norm norm_of(const NodeContext& context) {
  const Shape& shape = context.shape(0);
  const int64_t p = bounded(context, "attribute 'p'", context.node.get("p", int64_t{2}), 1, 2);
  const size_t axis = normalized_axis(context, context.node.get("axis", int64_t{-1}), shape.size());
  Norm norm{1, shape[axis], 1, p == 2};
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i != axis) (i < axis ? norm.outer : norm.inner) *= shape[i];
  }
  return norm;
}

std::vector<TensorType> infer(const NodeContext& context) {
  require_rank(context, 0, 1, max_rank);
  norm_of(context);
  return same_as_input(context);
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType>) {
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [norm = norm_of(context)](auto inputs, auto outputs) {
      for (int64_t line = 0; line < norm.outer * norm.inner; ++line) {
        const int64_t first = line / norm.inner * norm.extent * norm.inner + line % norm.inner;
        const T* x = inputs[0].template as<T>() + first;
        T* y = outputs[0].template as<T>() + first;
        double sum = 0;
        for (int64_t i = 0; i < norm.extent; ++i) {
          const auto value = static_cast<double>(load(x[i * norm.inner]));
          sum += norm.squares ? value * value : std::fabs(value);
        }
        const double length = norm.squares ? std::sqrt(sum) : sum;
        // Zeros stay zeros, as other runtimes have it.
        const double factor = length == 0 ? 0 : 1 / length;
        for (int64_t i = 0; i < norm.extent; ++i) {
          const auto value = static_cast<double>(load(x[i * norm.inner]));
          y[i * norm.inner] = store<T>(static_cast<Compute<T>>(value * factor));
        }
      }
    };
  });
}

}  // namespace

void register_lp_normalization(OperatorRegistry& registry) {
  registry.add({.name = "LpNormalization",
                .attributes = {{"axis", AttributeKind::integer}, {"p", AttributeKind::integer}},
                .types = Floats::list(),
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph

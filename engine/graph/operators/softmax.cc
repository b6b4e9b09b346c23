// Softmax and LogSoftmax (13).
#include <algorithm>
#include <cmath>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

struct Rows {
  int64_t outer, count, step;
};

/// The lines along the attribute's axis.
Rows rows(const NodeContext& context) {
  const Shape& shape = context.shape(0);
  const size_t axis = normalized_axis(context, context.node.get("axis", int64_t{-1}), shape.size());
  Rows rows{1, shape[axis], 1};
  for (size_t i = 0; i < axis; ++i) rows.outer *= shape[i];
  for (size_t i = axis + 1; i < shape.size(); ++i) rows.step *= shape[i];
  return rows;
}

std::vector<TensorType> infer_softmax(const NodeContext& context) {
  rows(context);
  return same_as_input(context);
}

template <bool logarithm, class T>
void softmax_row(const T* x, T* y, const Rows& rows) {
  using C = Compute<T>;
  C top = -std::numeric_limits<C>::infinity();
  for (int64_t i = 0; i < rows.count; ++i) top = std::max(top, load(x[i * rows.step]));
  double sum = 0;
  for (int64_t i = 0; i < rows.count; ++i) {
    sum += std::exp(static_cast<double>(load(x[i * rows.step]) - top));
  }
  const double log_sum = std::log(sum);
  for (int64_t i = 0; i < rows.count; ++i) {
    const double above = static_cast<double>(load(x[i * rows.step]) - top);
    const double value = logarithm ? above - log_sum : std::exp(above) / sum;
    y[i * rows.step] = store<T>(static_cast<C>(value));
  }
}

template <bool logarithm>
Evaluator prepare_softmax(const NodeContext& context, std::span<const TensorType>) {
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [all = rows(context)](auto inputs, auto outputs) {
      for (int64_t i = 0; i < all.outer * all.step; ++i) {
        const int64_t at = i / all.step * all.count * all.step + i % all.step;
        softmax_row<logarithm>(inputs[0].template as<T>() + at, outputs[0].template as<T>() + at,
                               all);
      }
    };
  });
}

}  // namespace

void register_softmax(OperatorRegistry& registry) {
  registry.add({.name = "Softmax",
                .attributes = {{"axis", AttributeKind::integer}},
                .types = Floats::list(),
                .infer = infer_softmax,
                .prepare = prepare_softmax<false>});
  registry.add({.name = "LogSoftmax",
                .attributes = {{"axis", AttributeKind::integer}},
                .types = Floats::list(),
                .infer = infer_softmax,
                .prepare = prepare_softmax<true>});
}

}  // namespace betimes::graph

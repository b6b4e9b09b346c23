// Trilu (14), EyeLike (9): what depends on how far an element lies from the diagonal.
#include <algorithm>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

/// Beyond every matrix; sums with an index don't overflow.
constexpr int64_t far = int64_t{1} << 40;

int64_t diagonal_of(const NodeContext& context) {
  if (!context.present(1)) return 0;
  require_single(context, 1);
  return std::clamp(context.integers(1, "k")[0], -far, far);
}

std::vector<TensorType> infer_trilu(const NodeContext& context) {
  require_rank(context, 0, 2, max_rank);
  if (context.present(1)) require_dtype(context, 1, DType::i64);
  diagonal_of(context);
  flag(context, "upper", true);
  return same_as_input(context);
}

Evaluator prepare_trilu(const NodeContext& context, std::span<const TensorType>) {
  const Shape& shape = context.shape(0);
  const int64_t rows = shape[shape.size() - 2];
  const int64_t columns = shape.back();
  const int64_t k = diagonal_of(context);
  const bool upper = flag(context, "upper", true);
  return visit(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=, count = element_count(shape)](auto inputs, auto outputs) {
      const T* x = inputs[0].template as<const T>();
      T* y = outputs[0].template as<T>();
      for (int64_t i = 0; i < count; ++i) {
        const int64_t right = i % columns - i / columns % rows;  // of the main diagonal
        y[i] = (upper ? right >= k : right <= k) ? x[i] : T{};
      }
    };
  });
}

std::vector<TensorType> infer_eye(const NodeContext& context) {
  require_rank(context, 0, 2, 2);
  const DType dtype = context.node.has("dtype")
                          ? dtype_of_onnx(context, context.node.get("dtype", int64_t{0}))
                          : context.type(0).dtype;
  return one(dtype, context.shape(0));
}

Evaluator prepare_eye(const NodeContext& context, std::span<const TensorType> outputs) {
  const int64_t rows = context.shape(0)[0];
  const int64_t columns = context.shape(0)[1];
  const int64_t k = std::clamp(context.node.get("k", int64_t{0}), -far, far);
  return visit(outputs[0].dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto, auto results) {
      T* y = results[0].template as<T>();
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t column = 0; column < columns; ++column) {
          *y++ = convert<T>(column - row == k ? 1 : 0);
        }
      }
    };
  });
}

}  // namespace

void register_triangle(OperatorRegistry& registry) {
  registry.add({.name = "Trilu",
                .max_inputs = 2,
                .attributes = {{"upper", AttributeKind::integer}},
                .infer = infer_trilu,
                .prepare = prepare_trilu});
  registry.add({.name = "EyeLike",
                .attributes = {{"dtype", AttributeKind::integer}, {"k", AttributeKind::integer}},
                .infer = infer_eye,
                .prepare = prepare_eye});
}

}  // namespace betimes::graph

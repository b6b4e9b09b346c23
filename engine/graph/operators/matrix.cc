// Gemm (13) and MatMul (13).
#include <algorithm>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/matmul.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

using Multiplied = Types<float, double, int32_t, int64_t, uint32_t, uint64_t>;

std::vector<TensorType> infer_matmul(const NodeContext& context) {
  require_same_dtype(context, 1, 0);
  return one(context.type(0).dtype, MatrixProduct(context, 0, 1).output_shape());
}

Evaluator prepare_matmul(const NodeContext& context, std::span<const TensorType>) {
  return Multiplied::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using Element = decltype(zero);
    using T = Wrapping<Element>;
    return [product = MatrixProduct(context, 0, 1)](auto inputs, auto outputs) {
      const T* a = inputs[0].template as<T>();
      const T* b = inputs[1].template as<T>();
      T* y = outputs[0].template as<T>();
      const auto& [m, k, n] = product.extents();
      product.each([&, m = m, k = k, n = n](int64_t from_a, int64_t from_b, int64_t to) {
        for (int64_t i = 0; i < m; ++i) {
          T* row = y + to + i * n;
          std::fill_n(row, n, T{});
          for (int64_t j = 0; j < k; ++j) {
            const T factor = a[from_a + i * k + j];
            const T* other = b + from_b + j * n;
            for (int64_t c = 0; c < n; ++c) row[c] += factor * other[c];
          }
        }
      });
    };
  });
}

struct Gemm {
  int64_t m, k, n;
  bool transpose_a, transpose_b;
  double alpha, beta;
};

Gemm gemm(const NodeContext& context) {
  require_rank(context, 0, 2, 2);
  require_rank(context, 1, 2, 2);
  const bool transpose_a = flag(context, "transA", false);
  const bool transpose_b = flag(context, "transB", false);
  const Shape& a = context.shape(0);
  const Shape& b = context.shape(1);
  const int64_t k = a[transpose_a ? 0 : 1];
  if (b[transpose_b ? 1 : 0] != k) {
    fail(context, found_input(context, 1) + " for a first input of " + to_string(a),
         std::to_string(k) + " as the extent that both share");
  }
  return {a[transpose_a ? 1 : 0],
          k,
          b[transpose_b ? 0 : 1],
          transpose_a,
          transpose_b,
          double{context.node.get("alpha", 1.0f)},
          double{context.node.get("beta", 1.0f)}};
}

std::vector<TensorType> infer_gemm(const NodeContext& context) {
  require_same_dtype(context, 1, 0);
  const Gemm g = gemm(context);
  if (context.present(2)) {
    require_same_dtype(context, 2, 0);
    require_broadcastable(context, 2, {g.m, g.n});
  }
  return one(context.type(0).dtype, {g.m, g.n});
}

template <class T>
void run_gemm(const Gemm& g, const T* a, const T* b, const T* c, const Strides& c_strides, T* y) {
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) {
      T sum{};
      for (int64_t l = 0; l < g.k; ++l) {
        const T left = a[g.transpose_a ? l * g.m + i : i * g.k + l];
        sum += left * b[g.transpose_b ? j * g.k + l : l * g.n + j];
      }
      T value = static_cast<T>(g.alpha) * sum;
      if (c) value += static_cast<T>(g.beta) * c[i * c_strides[0] + j * c_strides[1]];
      y[i * g.n + j] = value;
    }
  }
}

Evaluator prepare_gemm(const NodeContext& context, std::span<const TensorType>) {
  const Gemm g = gemm(context);
  Strides c_strides{0, 0};
  if (context.present(2)) c_strides = broadcast_strides(context.shape(2), {g.m, g.n});
  return Wide::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [g, c_strides](auto inputs, auto outputs) {
      const T* c = inputs.size() > 2 ? inputs[2].template as<T>() : nullptr;
      run_gemm(g, inputs[0].template as<T>(), inputs[1].template as<T>(), c, c_strides,
               outputs[0].template as<T>());
    };
  });
}

}  // namespace

void register_matrix(OperatorRegistry& registry) {
  registry.add({.name = "Gemm",
                .min_inputs = 2,
                .max_inputs = 3,
                .attributes = {{"alpha", AttributeKind::real},
                               {"beta", AttributeKind::real},
                               {"transA", AttributeKind::integer},
                               {"transB", AttributeKind::integer}},
                .types = Wide::list(),
                .infer = infer_gemm,
                .prepare = prepare_gemm});
  registry.add({.name = "MatMul",
                .min_inputs = 2,
                .max_inputs = 2,
                .types = Multiplied::list(),
                .infer = infer_matmul,
                .prepare = prepare_matmul});
}

}  // namespace betimes::graph

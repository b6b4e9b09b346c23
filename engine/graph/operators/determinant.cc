// Det (11), MeanVarianceNormalization (13).
#include <algorithm>
#include <cmath>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

std::vector<TensorType> infer_det(const NodeContext& context) {
  require_rank(context, 0, 2, max_rank);
  Shape shape = context.shape(0);
  if (shape[shape.size() - 2] != shape.back()) {
    fail(context, found_input(context, 0), "square matrices");
  }
  shape.resize(shape.size() - 2);
  return one(context.type(0).dtype, shape);
}

/// By elimination with partial pivoting; overwrites the matrix.
double determinant(std::span<double> matrix, size_t n) {
  double result = 1;
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t i = k + 1; i < n; ++i) {
      if (std::fabs(matrix[i * n + k]) > std::fabs(matrix[pivot * n + k])) pivot = i;
    }
    if (matrix[pivot * n + k] == 0) return 0;
    if (pivot != k) {
      result = -result;
      std::swap_ranges(&matrix[k * n], &matrix[k * n] + n, &matrix[pivot * n]);
    }
    result *= matrix[k * n + k];
    for (size_t i = k + 1; i < n; ++i) {
      const double factor = matrix[i * n + k] / matrix[k * n + k];
      for (size_t j = k + 1; j < n; ++j) matrix[i * n + j] -= factor * matrix[k * n + j];
    }
  }
  return result;
}

Evaluator prepare_det(const NodeContext& context, std::span<const TensorType> outputs) {
  const auto n = static_cast<size_t>(context.shape(0).back());
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [n, count = element_count(outputs[0].shape), work = std::vector<double>(n * n)](
               auto inputs, auto results) mutable {
      const T* x = inputs[0].template as<const T>();
      T* y = results[0].template as<T>();
      for (int64_t i = 0; i < count; ++i, x += n * n) {
        std::transform(x, x + n * n, work.begin(),
                       [](T value) { return static_cast<double>(load(value)); });
        y[i] = store<T>(static_cast<Compute<T>>(determinant(work, n)));
      }
    };
  });
}

std::vector<size_t> normalized_over(const NodeContext& context) {
  const auto axes = context.node.get("axes", std::vector<int64_t>{0, 2, 3});
  return normalized_axes(context, axes, context.shape(0).size());
}

std::vector<TensorType> infer_mvn(const NodeContext& context) {
  normalized_over(context);
  return same_as_input(context);
}

/// Elements and the group that shares their mean, and the sums of each group.
struct Groups {
  Walk<2> walk;
  double size = 1;
  std::vector<double> mean, square;

  explicit Groups(const NodeContext& context) {
    const Shape& shape = context.shape(0);
    Shape kept = shape;
    for (const size_t axis : normalized_over(context)) {
      size *= static_cast<double>(shape[axis]);
      kept[axis] = 1;
    }
    const auto count = static_cast<size_t>(element_count(kept));
    walk = Walk<2>(shape, {row_major(shape), broadcast_strides(kept, shape)});
    mean.resize(count);
    square.resize(count);
  }
};

/// (x - mean) / (deviation + 1e-9)
Evaluator prepare_mvn(const NodeContext& context, std::span<const TensorType>) {
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [groups = Groups(context)](auto inputs, auto outputs) mutable {
      const T* x = inputs[0].template as<const T>();
      T* y = outputs[0].template as<T>();
      const auto each = [&](auto&& f) {
        groups.walk.run([&](const Walk<2>::Offsets& at) {
          f(at[0], static_cast<double>(load(x[at[0]])), static_cast<size_t>(at[1]));
        });
      };
      std::fill(groups.mean.begin(), groups.mean.end(), 0.0);
      std::fill(groups.square.begin(), groups.square.end(), 0.0);
      each([&](int64_t, double value, size_t group) { groups.mean[group] += value; });
      for (double& mean : groups.mean) mean /= groups.size;
      each([&](int64_t, double value, size_t group) {
        const double off = value - groups.mean[group];
        groups.square[group] += off * off;
      });
      for (double& square : groups.square) square = std::sqrt(square / groups.size) + 1e-9;
      each([&](int64_t at, double value, size_t group) {
        y[at] =
            store<T>(static_cast<Compute<T>>((value - groups.mean[group]) / groups.square[group]));
      });
    };
  });
}

}  // namespace

void register_determinant(OperatorRegistry& registry) {
  registry.add(
      {.name = "Det", .types = Floats::list(), .infer = infer_det, .prepare = prepare_det});
  registry.add({.name = "MeanVarianceNormalization",
                .attributes = {{"axes", AttributeKind::integers}},
                .types = Floats::list(),
                .infer = infer_mvn,
                .prepare = prepare_mvn});
}

}  // namespace betimes::graph

// AffineGrid (20): the points of a regular grid, moved by an affine map, for GridSample.
#include <array>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

/// [N, H, W, 2] or [N, D, H, W, 3].
Shape grid_shape(const NodeContext& context) {
  const std::vector<int64_t> size = context.integers(1, "the size");
  if (size.size() != 4 && size.size() != 5) {
    fail(context, "the size has " + std::to_string(size.size()) + " numbers",
         "N, C, H, W or N, C, D, H, W");
  }
  Shape shape = {size[0]};
  shape.insert(shape.end(), size.begin() + 2, size.end());
  for (const int64_t extent : shape) bounded(context, "an extent", extent, 0, int64_t{1} << 40);
  shape.push_back(static_cast<int64_t>(size.size()) - 2);
  return shape;
}

std::vector<TensorType> infer(const NodeContext& context) {
  const Shape shape = grid_shape(context);
  flag(context, "align_corners", false);
  require_shape(context, 0, {shape[0], shape.back(), shape.back() + 1});
  return one(context.type(0).dtype, shape);
}

/// Element i of an axis, in [-1, 1]: from end to end with `corners`, else in the middle of its part
/// of an axis cut evenly. The only element of an axis lies in its middle.
double coordinate(int64_t i, int64_t extent, bool corners) {
  const auto at = static_cast<double>(i);
  const auto n = static_cast<double>(extent);
  if (corners) return extent == 1 ? 0 : 2 * at / (n - 1) - 1;
  return (2 * at + 1) / n - 1;
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType> outputs) {
  const bool corners = flag(context, "align_corners", false);
  const Shape& y = outputs[0].shape;
  const auto rank = static_cast<size_t>(y.back());
  // Depth, height, width; an image has one plane.
  std::array<int64_t, 3> extents = {1, y[y.size() - 3], y[y.size() - 2]};
  if (rank == 3) extents[0] = y[1];
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=, batch = y[0]](auto inputs, auto results) {
      const T* theta = inputs[0].template as<T>();
      T* point = results[0].template as<T>();
      const int64_t count = extents[0] * extents[1] * extents[2];
      for (int64_t n = 0; n < batch; ++n, theta += rank * (rank + 1)) {
        for (int64_t i = 0; i < count; ++i) {
          // x first, as in the map's columns.
          const std::array<double, 3> from = {
              coordinate(i % extents[2], extents[2], corners),
              coordinate(i / extents[2] % extents[1], extents[1], corners),
              coordinate(i / extents[2] / extents[1], extents[0], corners)};
          for (size_t r = 0; r < rank; ++r, ++point) {
            const T* row = theta + r * (rank + 1);
            double sum = static_cast<double>(load(row[rank]));
            for (size_t k = 0; k < rank; ++k) sum += static_cast<double>(load(row[k])) * from[k];
            *point = store<T>(static_cast<Compute<T>>(sum));
          }
        }
      }
    };
  });
}

}  // namespace

void register_affine_grid(OperatorRegistry& registry) {
  registry.add({.name = "AffineGrid",
                .min_inputs = 2,
                .max_inputs = 2,
                .attributes = {{"align_corners", AttributeKind::integer}},
                .types = Floats::list(),
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph

#include "betimes/graph/detail/matmul.h"

#include "betimes/graph/detail/check.h"

namespace betimes::graph::detail {
namespace {

Shape leading(const Shape& shape) {
  return shape.size() < 2 ? Shape{} : Shape(shape.begin(), shape.end() - 2);
}

Strides scaled(Strides strides, int64_t factor) {
  for (int64_t& stride : strides) stride *= factor;
  return strides;
}

}  // namespace

MatrixProduct::MatrixProduct(const NodeContext& context, size_t a, size_t b) {
  require_rank(context, a, 1, max_rank);
  require_rank(context, b, 1, max_rank);
  const Shape& left = context.shape(a);
  const Shape& right = context.shape(b);
  const int64_t m = left.size() < 2 ? 1 : left[left.size() - 2];
  const int64_t n = right.size() < 2 ? 1 : right.back();
  const int64_t k = left.back();
  const std::string found = found_input(context, b) + " for a left side of " + to_string(left);
  if ((right.size() < 2 ? right[0] : right[right.size() - 2]) != k) {
    fail(context, found, std::to_string(k) + " as the extent that both share");
  }
  const TensorType batches[] = {{DType::f32, leading(left)}, {DType::f32, leading(right)}};
  const TensorType* types[] = {&batches[0], &batches[1]};
  const Shape batch = broadcast_shape({context.node, types, {}});
  extents_ = {m, k, n};
  batch_ = Walk<3>(batch, {scaled(broadcast_strides(batches[0].shape, batch), m * k),
                           scaled(broadcast_strides(batches[1].shape, batch), k * n),
                           scaled(row_major(batch), m * n)});
  shape_ = batch;
  if (left.size() > 1) shape_.push_back(m);
  if (right.size() > 1) shape_.push_back(n);
}

}  // namespace betimes::graph::detail

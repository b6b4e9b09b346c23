#pragma once

#include "betimes/graph/detail/walk.h"

namespace betimes::graph::detail {

/// numpy's matmul of two inputs: leading axes broadcast, a 1-D operand is a row on the left and a
/// column on the right, and its axis is missing from the result.
class MatrixProduct {
 public:
  struct Extents {
    int64_t m, k, n;
  };
  /// Of inputs `a` and `b`; throws Error naming the node when they don't fit.
  MatrixProduct(const NodeContext& context, size_t a, size_t b);

  const Shape& output_shape() const { return shape_; }
  const Extents& extents() const { return extents_; }
  /// f(offset in a, offset in b, offset in the output) for each matrix of the batch.
  template <class F>
  void each(F&& f) const {
    batch_.run([&](const Walk<3>::Offsets& at) { f(at[0], at[1], at[2]); });
  }

 private:
  Shape shape_;
  Extents extents_;
  Walk<3> batch_;
};

}  // namespace betimes::graph::detail

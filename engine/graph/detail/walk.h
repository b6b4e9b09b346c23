#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "betimes/graph/operator.h"

/// Iteration over strided arrays: all that broadcasting, reducing and moving data need.
namespace betimes::graph::detail {

/// Elements between neighbours along each axis.
using Strides = std::vector<int64_t>;

Strides row_major(const Shape& shape);
/// Strides that read `from` as if it had shape `to`: 0 along axes that repeat.
Strides broadcast_strides(const Shape& from, const Shape& to);
/// Shape that all inputs broadcast to, numpy's rule; throws Error naming the node.
Shape broadcast_shape(const NodeContext& context);
/// Throws Error unless input i broadcasts to `to` without changing it.
void require_broadcastable(const NodeContext& context, size_t i, const Shape& to);

inline constexpr size_t max_loops = 16;

/// Visits a block of up to max_loops axes in row-major order and carries an offset into each of N
/// arrays. Axes that all arrays step through evenly are merged when it is made. Running allocates
/// nothing.
template <size_t N>
class Walk {
 public:
  using Offsets = std::array<int64_t, N>;

  Walk() = default;
  Walk(const Shape& extents, const std::array<Strides, N>& strides) {
    for (size_t axis = 0; axis < extents.size(); ++axis) {
      if (extents[axis] == 0) empty_ = true;
      if (extents[axis] != 1) append(extents[axis], strides, axis);
    }
    if (rank_ == 0) append(1, {}, 0);
  }

  /// f(offsets) at each element.
  template <class F>
  void run(F&& f) const {
    run_rows([&](Offsets at, int64_t count, const Offsets& step) {
      for (int64_t i = 0; i < count; ++i) {
        f(at);
        for (size_t n = 0; n < N; ++n) at[n] += step[n];
      }
    });
  }

  /// f(offsets, count, step) at each innermost row: `count` elements, `step` apart.
  template <class F>
  void run_rows(F&& f) const {
    if (empty_) return;
    const size_t last = rank_ - 1;
    std::array<int64_t, max_loops> index{};
    Offsets at{};
    for (;;) {
      f(at, extents_[last], steps_[last]);
      size_t axis = last;
      for (;; --axis) {
        if (axis == 0) return;
        const size_t outer = axis - 1;
        for (size_t n = 0; n < N; ++n) at[n] += steps_[outer][n];
        if (++index[outer] < extents_[outer]) break;
        for (size_t n = 0; n < N; ++n) at[n] -= steps_[outer][n] * extents_[outer];
        index[outer] = 0;
      }
    }
  }

 private:
  void append(int64_t extent, const std::array<Strides, N>& strides, size_t axis) {
    Offsets step{};
    for (size_t n = 0; n < N; ++n) step[n] = strides[n].empty() ? 0 : strides[n][axis];
    if (rank_ > 0 && mergeable(extent, step)) {
      extents_[rank_ - 1] *= extent;
      steps_[rank_ - 1] = step;
      return;
    }
    if (rank_ == max_loops) throw std::logic_error("a walk over too many axes");
    extents_[rank_] = extent;
    steps_[rank_++] = step;
  }
  bool mergeable(int64_t extent, const Offsets& step) const {
    for (size_t n = 0; n < N; ++n) {
      if (steps_[rank_ - 1][n] != step[n] * extent) return false;
    }
    return true;
  }

  size_t rank_ = 0;
  bool empty_ = false;
  std::array<int64_t, max_loops> extents_{};
  std::array<Offsets, max_loops> steps_{};
};

/// Copies a strided block to a strided block; the element type matters only by its size.
class StridedCopy {
 public:
  struct Side {
    Strides strides;
    int64_t base = 0;  // element at which the block begins
  };
  StridedCopy(DType dtype, const Shape& extents, const Side& from, const Side& to);
  void operator()(const void* from, void* to) const;

 private:
  template <size_t width>
  void copy(const std::byte* from, std::byte* to) const;

  size_t width_;
  int64_t from_base_;
  int64_t to_base_;
  Walk<2> walk_;
};

}  // namespace betimes::graph::detail

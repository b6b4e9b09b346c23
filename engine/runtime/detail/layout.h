#pragma once

#include <algorithm>
#include <cstdint>

#include "betimes/tensor/tensor.h"

namespace betimes::runtime {

/// How a value lies in memory. `plain` is dense row-major; `channels_last` moves dimension 1 to the
/// end ([N, C, H, W] is stored as N, H, W, C). One blocked-free layout serves every convolution,
/// fp32 and int8 alike, so that no reorder stands between layers of different precision.
enum class Layout : uint8_t { plain, channels_last };

/// Whether the two layouts put every element of `shape` at the same address.
inline bool same_memory(const Shape& shape, Layout a, Layout b) {
  if (a == b || shape.size() < 3 || shape[1] == 1) return true;
  int64_t positions = 1;
  for (size_t i = 2; i < shape.size(); ++i) positions *= shape[i];
  return positions == 1;
}

/// Extents from the outermost in memory.
inline Shape in_memory_order(Shape shape, Layout layout) {
  if (layout == Layout::channels_last && shape.size() >= 3) {
    std::rotate(shape.begin() + 1, shape.begin() + 2, shape.end());
  }
  return shape;
}

}  // namespace betimes::runtime

#include "betimes/graph/detail/walk.h"

#include <algorithm>

#include "betimes/graph/detail/check.h"

namespace betimes::graph::detail {

Strides row_major(const Shape& shape) {
  Strides strides(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    // Only an array without elements has extents whose product is too large; nobody steps there.
    if (__builtin_mul_overflow(step, std::max<int64_t>(shape[i], 1), &step)) step = 0;
  }
  return strides;
}

Strides broadcast_strides(const Shape& from, const Shape& to) {
  Strides strides(to.size(), 0);
  const Strides own = row_major(from);
  const size_t lead = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) strides[lead + i] = from[i] == 1 ? 0 : own[i];
  return strides;
}

Shape broadcast_shape(const NodeContext& context) {
  Shape result;
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    const Shape& shape = context.shape(i);
    if (shape.size() > result.size())
      result.insert(result.begin(), shape.size() - result.size(), 1);
    const size_t lead = result.size() - shape.size();
    for (size_t k = 0; k < shape.size(); ++k) {
      int64_t& extent = result[lead + k];
      if (extent == 1) extent = shape[k];
      if (shape[k] != 1 && shape[k] != extent) {
        fail(context, found_input(context, i), "a shape that broadcasts with " + to_string(result));
      }
    }
  }
  return result;
}

void require_broadcastable(const NodeContext& context, size_t i, const Shape& to) {
  const Shape& shape = context.shape(i);
  bool fits = shape.size() <= to.size();
  for (size_t k = 0; fits && k < shape.size(); ++k) {
    fits = shape[k] == 1 || shape[k] == to[to.size() - shape.size() + k];
  }
  if (!fits) fail(context, found_input(context, i), "a shape that broadcasts to " + to_string(to));
}

StridedCopy::StridedCopy(DType dtype, const Shape& extents, const Side& from, const Side& to)
    : width_(size_of(dtype)),
      from_base_(from.base),
      to_base_(to.base),
      walk_(extents, {from.strides, to.strides}) {}

template <size_t width>
void StridedCopy::copy(const std::byte* from, std::byte* to) const {
  walk_.run_rows([&](const Walk<2>::Offsets& at, int64_t count, const Walk<2>::Offsets& step) {
    const std::byte* source = from + (from_base_ + at[0]) * static_cast<int64_t>(width);
    std::byte* target = to + (to_base_ + at[1]) * static_cast<int64_t>(width);
    if (step[0] == 1 && step[1] == 1) {
      std::memcpy(target, source, static_cast<size_t>(count) * width);
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      std::memcpy(target + i * step[1] * static_cast<int64_t>(width),
                  source + i * step[0] * static_cast<int64_t>(width), width);
    }
  });
}

void StridedCopy::operator()(const void* from, void* to) const {
  const auto* source = static_cast<const std::byte*>(from);
  auto* target = static_cast<std::byte*>(to);
  switch (width_) {
    case 1:
      return copy<1>(source, target);
    case 2:
      return copy<2>(source, target);
    case 4:
      return copy<4>(source, target);
    default:
      return copy<8>(source, target);
  }
}

}  // namespace betimes::graph::detail

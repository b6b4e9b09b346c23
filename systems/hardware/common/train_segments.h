#pragma once

#include <ATen/ATen.h>

#include <cstdint>

// Reductions over rows that have a number in common: messages by the node they arrive at, nodes by
// their graph. `values` is [R, ...], `index` i64 [R] has each row's segment, below `count`; the
// result is [count, ...], with zeros for a segment without rows. All are differentiable.

namespace betimes::systems::hardware {

at::Tensor segment_sum(const at::Tensor& values, const at::Tensor& index, int64_t count);
at::Tensor segment_mean(const at::Tensor& values, const at::Tensor& index, int64_t count);
/// f32 or f64. Of rows that share a maximum, the first has its gradient.
at::Tensor segment_max(const at::Tensor& values, const at::Tensor& index, int64_t count);
at::Tensor segment_min(const at::Tensor& values, const at::Tensor& index, int64_t count);

/// exp(values) over its sum within the segment: [R, ...], where each segment sums to 1.
at::Tensor segment_softmax(const at::Tensor& values, const at::Tensor& index, int64_t count);

}  // namespace betimes::systems::hardware

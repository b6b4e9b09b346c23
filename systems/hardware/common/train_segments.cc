#include "systems/hardware/common/train_segments.h"

#include <fmt/format.h>

#include "betimes/base/error.h"

namespace betimes::systems::hardware {
namespace {

std::vector<int64_t> shape_of(const at::Tensor& values, int64_t count) {
  std::vector<int64_t> shape = values.sizes().vec();
  shape[0] = count;
  return shape;
}

void check(const at::Tensor& values, const at::Tensor& index, int64_t count) {
  if (values.dim() >= 1 && index.dim() == 1 && index.scalar_type() == at::kLong &&
      index.size(0) == values.size(0) && count >= 0) {
    return;
  }
  throw Error(
      "segments",
      fmt::format("{} rows with {} numbers", values.dim() > 0 ? values.size(0) : 0, index.numel()),
      "a whole number for each row");
}

/// The row of each segment's greatest value, by column; -1 where it has none. (LibTorch's own
/// scatter_reduce is announced as unstable, on the terminal, each time.)
template <class Number>
at::Tensor greatest(const at::Tensor& values, const at::Tensor& index, int64_t count) {
  const at::Tensor rows = values.detach().contiguous(), segments = index.contiguous();
  const int64_t width = rows.size(1);
  at::Tensor found = at::full({count, width}, -1, at::kLong);
  const Number* value = rows.data_ptr<Number>();
  const int64_t* segment = segments.data_ptr<int64_t>();
  int64_t* best = found.data_ptr<int64_t>();
  for (int64_t i = 0; i < rows.size(0); ++i) {
    for (int64_t j = 0; j < width; ++j) {
      int64_t& leader = best[segment[i] * width + j];
      if (leader < 0 || value[i * width + j] > value[leader * width + j]) leader = i;
    }
  }
  return found;
}

}  // namespace

at::Tensor segment_sum(const at::Tensor& values, const at::Tensor& index, int64_t count) {
  check(values, index, count);
  return values.new_zeros(shape_of(values, count)).index_add(0, index, values);
}

at::Tensor segment_mean(const at::Tensor& values, const at::Tensor& index, int64_t count) {
  const at::Tensor sums = segment_sum(values, index, count);
  std::vector<int64_t> shape(static_cast<size_t>(values.dim()), 1);
  shape[0] = count;
  const at::Tensor ones = at::ones({index.size(0)}, values.options());
  return sums / segment_sum(ones, index, count).clamp_min(1).view(shape);
}

at::Tensor segment_max(const at::Tensor& values, const at::Tensor& index, int64_t count) {
  check(values, index, count);
  if (index.numel() == 0) return values.new_zeros(shape_of(values, count));
  if (index.min().item<int64_t>() < 0 || index.max().item<int64_t>() >= count) {
    throw Error("segments", "a row is of a segment that isn't there",
                fmt::format("0 to {}", count - 1));
  }
  const at::Tensor rows = values.reshape({values.size(0), -1});
  const at::Tensor winners = values.scalar_type() == at::kDouble
                                 ? greatest<double>(rows, index, count)
                                 : greatest<float>(rows, index, count);
  const at::Tensor found = rows.gather(0, winners.clamp_min(0));
  return found.masked_fill(winners < 0, 0).view(shape_of(values, count));
}

at::Tensor segment_min(const at::Tensor& values, const at::Tensor& index, int64_t count) {
  return -segment_max(-values, index, count);
}

at::Tensor segment_softmax(const at::Tensor& values, const at::Tensor& index, int64_t count) {
  // Shifting a segment changes nothing but keeps exp() finite, so no gradient goes through it.
  const at::Tensor highest = segment_max(values.detach(), index, count);
  const at::Tensor risen = (values - highest.index_select(0, index)).exp();
  return risen / segment_sum(risen, index, count).index_select(0, index);
}

}  // namespace betimes::systems::hardware

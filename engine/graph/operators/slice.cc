// Slice (13).
#include <algorithm>
#include <numeric>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

struct Range {
  int64_t start = 0;
  int64_t step = 1;
  int64_t count = 0;
};

/// start:end:step over an axis. As in numpy, but that a start before the first element is the first
/// going backwards too: ONNX's text clamps it to [0, extent - 1]. Extents are far below 2^40; what
/// lies beyond is clamped first, so that sums don't overflow.
Range slice_range(int64_t start, int64_t end, int64_t step, int64_t extent) {
  constexpr int64_t far = int64_t{1} << 40;
  start = std::clamp(start, -far, far);
  end = std::clamp(end, -far, far);
  step = std::clamp(step, -far, far);
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, extent);
    end = std::clamp<int64_t>(end, 0, extent);
    return {start, step, std::max<int64_t>(0, (end - start + step - 1) / step)};
  }
  start = std::clamp<int64_t>(start, extent > 0 ? 0 : -1, extent - 1);
  end = std::clamp<int64_t>(end, -1, extent - 1);
  return {start, step, std::max<int64_t>(0, (end - start + step + 1) / step)};
}

std::vector<int64_t> optional_integers(const NodeContext& context, size_t i, const char* what,
                                       std::vector<int64_t> otherwise) {
  if (!context.present(i)) return otherwise;
  std::vector<int64_t> values = context.integers(i, what);
  if (values.size() != otherwise.size()) {
    fail(context, found_input(context, i), std::to_string(otherwise.size()) + " values");
  }
  return values;
}

std::vector<Range> ranges(const NodeContext& context) {
  const Shape& shape = context.shape(0);
  const std::vector<int64_t> starts = context.integers(1, "starts");
  if (starts.size() > shape.size()) {
    fail(context, found_input(context, 1), "at most one value for each axis");
  }
  std::vector<int64_t> every(starts.size());
  std::iota(every.begin(), every.end(), 0);
  const auto ends = optional_integers(context, 2, "ends", every);
  const auto axes = optional_integers(context, 3, "axes", every);
  const auto steps = optional_integers(context, 4, "steps", std::vector<int64_t>(starts.size(), 1));
  normalized_axes(context, axes, shape.size());
  std::vector<Range> result;
  for (const int64_t extent : shape) result.push_back({0, 1, extent});
  for (size_t i = 0; i < starts.size(); ++i) {
    if (steps[i] == 0) fail(context, "a step is 0");
    const size_t axis = normalized_axis(context, axes[i], shape.size());
    result[axis] = slice_range(starts[i], ends[i], steps[i], shape[axis]);
  }
  return result;
}

std::vector<TensorType> infer_slice(const NodeContext& context) {
  Shape shape;
  for (const Range& range : ranges(context)) shape.push_back(range.count);
  return one(context.type(0).dtype, shape);
}

Evaluator prepare_slice(const NodeContext& context, std::span<const TensorType> outputs) {
  StridedCopy::Side from{row_major(context.shape(0))};
  const std::vector<Range> parts = ranges(context);
  for (size_t i = 0; i < parts.size(); ++i) {
    from.base += parts[i].start * from.strides[i];
    // A step over a single element may be huge; it is never taken.
    from.strides[i] *= parts[i].count > 1 ? parts[i].step : 0;
  }
  const StridedCopy copy(outputs[0].dtype, outputs[0].shape, from, {row_major(outputs[0].shape)});
  return [copy](auto inputs, auto results) { copy(inputs[0].data, results[0].data); };
}

}  // namespace

void register_slice(OperatorRegistry& registry) {
  registry.add({.name = "Slice",
                .min_inputs = 3,
                .max_inputs = 5,
                .infer = infer_slice,
                .prepare = prepare_slice});
}

}  // namespace betimes::graph

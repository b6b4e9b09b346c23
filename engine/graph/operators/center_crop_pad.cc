// CenterCropPad (18): the middle of what is too large, zeros around what is too small.
#include <algorithm>
#include <cstring>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

std::vector<TensorType> infer(const NodeContext& context) {
  const std::vector<size_t> axes = ordered_axes(context, context.shape(0).size());
  const std::vector<int64_t> extents = context.integers(1, "the shape");
  if (extents.size() != axes.size()) {
    fail(context, "has " + std::to_string(extents.size()) + " extents",
         std::to_string(axes.size()) + ", one for each axis");
  }
  Shape shape = context.shape(0);
  for (size_t i = 0; i < axes.size(); ++i) {
    shape[axes[i]] = bounded(context, "an extent", extents[i], 0, int64_t{1} << 40);
  }
  return one(context.type(0).dtype, shape);
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType> outputs) {
  const Shape& x = context.shape(0);
  const Shape& y = outputs[0].shape;
  StridedCopy::Side from{row_major(x)};
  StridedCopy::Side to{row_major(y)};
  Shape common;
  for (size_t i = 0; i < x.size(); ++i) {
    common.push_back(std::min(x[i], y[i]));
    from.base += (x[i] - common[i]) / 2 * from.strides[i];
    to.base += (y[i] - common[i]) / 2 * to.strides[i];
  }
  return [copy = StridedCopy(outputs[0].dtype, common, from, to), bytes = byte_size(outputs[0])](
             auto inputs, auto results) {
    if (bytes > 0) std::memset(results[0].data, 0, bytes);
    copy(inputs[0].data, results[0].data);
  };
}

}  // namespace

void register_center_crop_pad(OperatorRegistry& registry) {
  registry.add({.name = "CenterCropPad",
                .min_inputs = 2,
                .max_inputs = 2,
                .attributes = {{"axes", AttributeKind::integers}},
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph

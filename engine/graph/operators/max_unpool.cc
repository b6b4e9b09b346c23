// MaxUnpool (11).
#include <algorithm>
#include <limits>

#include "betimes/base/error.h"
#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/window.h"

namespace betimes::graph {
namespace {

using namespace detail;

constexpr int64_t longest = 1 << 20;  // of kernels, strides and padding

/// The shape that the pooled tensor had, by the kernel: what the indices count in.
Shape pooled_shape(const NodeContext& context) {
  const std::vector<int64_t> kernel = required_kernel(context);
  const size_t axes = kernel.size();
  require_rank(context, 0, axes + 2, axes + 2);
  const auto strides = context.node.get("strides", std::vector<int64_t>(axes, 1));
  const auto pads = context.node.get("pads", std::vector<int64_t>(2 * axes, 0));
  if (strides.size() != axes || pads.size() != 2 * axes) {
    fail(context, "has " + std::to_string(strides.size()) + " strides and " +
                      std::to_string(pads.size()) + " pads for " + std::to_string(axes) + " axes");
  }
  Shape shape = context.shape(0);
  for (size_t i = 0; i < axes; ++i) {
    const int64_t size = bounded(context, "kernel_shape", kernel[i], 1, longest);
    const int64_t stride = bounded(context, "strides", strides[i], 1, longest);
    const int64_t padding = bounded(context, "pads", pads[i], 0, longest) +
                            bounded(context, "pads", pads[axes + i], 0, longest);
    int64_t& extent = shape[i + 2];
    extent = bounded(context, "the extent that was pooled", (extent - 1) * stride + size - padding,
                     0, std::numeric_limits<int64_t>::max());
  }
  check_size(describe(context.node), {context.type(0).dtype, shape});
  return shape;
}

std::vector<TensorType> infer_unpool(const NodeContext& context) {
  require_dtype(context, 1, DType::i64);
  require_shape(context, 1, context.shape(0));
  Shape shape = pooled_shape(context);
  if (context.present(2)) {
    require_rank(context, 2, 1, 1);
    const Shape wanted = context.integers(2, "output_shape");
    if (wanted.size() != shape.size() || wanted[0] != shape[0] || wanted[1] != shape[1]) {
      fail(context, "output_shape is " + to_string(wanted), "one for " + to_string(shape));
    }
    shape = wanted;
  }
  return one(context.type(0).dtype, shape);
}

/// Finds an element of one shape in another by its coordinates.
class Relocation {
 public:
  Relocation(Shape from, Shape to) : from_(std::move(from)), to_(std::move(to)) {
    count_ = element_count(from_);
  }

  int64_t operator()(int64_t index) const {
    if (index < 0 || index >= count_) refuse(index);
    if (from_ == to_) return index;
    int64_t place = 0;
    int64_t step = 1;
    int64_t rest = index;
    for (size_t axis = from_.size(); axis-- > 0; step *= to_[axis]) {
      const int64_t at = rest % from_[axis];
      if (at >= to_[axis]) refuse(index);
      place += at * step;
      rest /= from_[axis];
    }
    return place;
  }

 private:
  [[noreturn]] void refuse(int64_t index) const {
    throw Error("MaxUnpool", "index " + std::to_string(index) + " is out of bounds",
                "an element of " + to_string(from_) + " inside " + to_string(to_));
  }

  Shape from_;
  Shape to_;
  int64_t count_ = 0;
};

Evaluator prepare_unpool(const NodeContext& context, std::span<const TensorType> outputs) {
  const Relocation place(pooled_shape(context), outputs[0].shape);
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [place, count = element_count(context.shape(0)), size = element_count(outputs[0].shape)](
               auto inputs, auto results) {
      const T* x = inputs[0].template as<const T>();
      const int64_t* index = inputs[1].template as<const int64_t>();
      T* y = results[0].template as<T>();
      std::fill_n(y, size, T{});
      for (int64_t i = 0; i < count; ++i) y[place(index[i])] = x[i];
    };
  });
}

}  // namespace

void register_max_unpool(OperatorRegistry& registry) {
  registry.add({.name = "MaxUnpool",
                .min_inputs = 2,
                .max_inputs = 3,
                .attributes = {{"kernel_shape", AttributeKind::integers},
                               {"pads", AttributeKind::integers},
                               {"strides", AttributeKind::integers}},
                .types = Floats::list(),
                .infer = infer_unpool,
                .prepare = prepare_unpool});
}

}  // namespace betimes::graph

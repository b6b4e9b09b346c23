#include "betimes/graph/detail/window.h"

#include <algorithm>

#include "betimes/graph/detail/check.h"

namespace betimes::graph::detail {
namespace {

// Small enough that sums and products of two never overflow.
constexpr int64_t largest = int64_t{1} << 31;

int64_t ceil_div(int64_t a, int64_t b) { return a <= 0 ? -(-a / b) : (a + b - 1) / b; }

std::vector<int64_t> bounded_list(const NodeContext& context, const std::string& attribute,
                                  size_t count, int64_t otherwise, int64_t low) {
  auto list = context.node.get(attribute, std::vector<int64_t>(count, otherwise));
  if (list.size() != count) {
    fail(context, "attribute '" + attribute + "' has " + std::to_string(list.size()) + " values",
         std::to_string(count));
  }
  for (const int64_t value : list) {
    bounded(context, "attribute '" + attribute + "'", value, low, largest);
  }
  return list;
}

Window unpadded(const NodeContext& context, const std::vector<int64_t>& kernel) {
  require_rank(context, 0, 3, 5);
  const Shape& shape = context.shape(0);
  Window window;
  window.rank = shape.size() - 2;
  if (kernel.size() != window.rank) {
    fail(context, "the kernel has " + std::to_string(kernel.size()) + " dimensions",
         std::to_string(window.rank) + " for an input of " + to_string(shape));
  }
  const auto strides = bounded_list(context, "strides", window.rank, 1, 1);
  const auto dilations = bounded_list(context, "dilations", window.rank, 1, 1);
  for (size_t i = 0; i < window.rank; ++i) {
    WindowAxis& axis = window.axes[3 - window.rank + i];
    axis.in = shape[i + 2];
    axis.kernel = bounded(context, "the kernel's extent", kernel[i], 1, largest);
    axis.stride = strides[i];
    axis.dilation = dilations[i];
  }
  return window;
}

std::string padding_mode(const NodeContext& context) {
  std::string mode = context.node.get("auto_pad", "NOTSET");
  if (mode != "NOTSET" && mode != "VALID" && mode != "SAME_UPPER" && mode != "SAME_LOWER") {
    fail(context, "attribute 'auto_pad' is " + mode, "NOTSET, VALID, SAME_UPPER or SAME_LOWER");
  }
  return mode;
}

void share_padding(WindowAxis& axis, int64_t total, bool more_after) {
  const int64_t half = total / 2;
  axis.before = more_after ? half : total - half;
  axis.after = total - axis.before;
}

void read_pads(const NodeContext& context, Window& window) {
  const auto pads = bounded_list(context, "pads", 2 * window.rank, 0, 0);
  for (size_t i = 0; i < window.rank; ++i) {
    WindowAxis& axis = window.axes[3 - window.rank + i];
    axis.before = pads[i];
    axis.after = pads[window.rank + i];
  }
}

void slide(const NodeContext& context, WindowAxis& axis, bool ceil_mode) {
  const int64_t room = axis.in + axis.before + axis.after - (axis.kernel - 1) * axis.dilation - 1;
  if (room < 0) {
    fail(context, "a window of " + std::to_string((axis.kernel - 1) * axis.dilation + 1) +
                      " doesn't fit into " + std::to_string(axis.in + axis.before + axis.after) +
                      " padded elements");
  }
  axis.out = (ceil_mode ? ceil_div(room, axis.stride) : room / axis.stride) + 1;
  // A window that would begin in the padding at the end sees nothing; it doesn't count.
  if (ceil_mode && (axis.out - 1) * axis.stride >= axis.in + axis.before) --axis.out;
}

}  // namespace

int64_t WindowAxis::first_inside(int64_t output) const {
  return std::max<int64_t>(0, ceil_div(before - output * stride, dilation));
}
int64_t WindowAxis::end_inside(int64_t output) const {
  return std::clamp<int64_t>(ceil_div(in + before - output * stride, dilation), 0, kernel);
}
int64_t WindowAxis::first_output(int64_t k) const {
  return std::max<int64_t>(0, ceil_div(before - k * dilation, stride));
}
int64_t WindowAxis::end_output(int64_t k) const {
  return std::clamp<int64_t>(ceil_div(in + before - k * dilation, stride), 0, out);
}

Shape Window::output_shape(int64_t n, int64_t c) const {
  Shape shape{n, c};
  for (size_t i = 3 - rank; i < 3; ++i) shape.push_back(axes[i].out);
  return shape;
}

Window sliding_window(const NodeContext& context, const std::vector<int64_t>& kernel) {
  Window window = unpadded(context, kernel);
  const std::string mode = padding_mode(context);
  const bool ceil_mode = flag(context, "ceil_mode", false);
  if (mode == "NOTSET") read_pads(context, window);
  for (size_t i = 3 - window.rank; i < 3; ++i) {
    WindowAxis& axis = window.axes[i];
    if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
      axis.out = ceil_div(axis.in, axis.stride);
      const int64_t reach = (axis.out - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
      share_padding(axis, std::max<int64_t>(reach - axis.in, 0), mode == "SAME_UPPER");
    } else {
      slide(context, axis, ceil_mode);
    }
  }
  return window;
}

Window transposed_window(const NodeContext& context, const std::vector<int64_t>& kernel) {
  Window window = unpadded(context, kernel);
  const std::string mode = padding_mode(context);
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  if (mode == "NOTSET") read_pads(context, window);
  const auto extra = bounded_list(context, "output_padding", window.rank, 0, 0);
  const bool given = context.node.has("output_shape");
  const auto wanted = bounded_list(context, "output_shape", window.rank, 0, 0);
  for (size_t i = 0; i < window.rank; ++i) {
    WindowAxis& axis = window.axes[3 - window.rank + i];
    const int64_t full =
        (axis.in - 1) * axis.stride + extra[i] + (axis.kernel - 1) * axis.dilation + 1;
    if (given || same) {
      axis.out = given ? wanted[i] : axis.in * axis.stride;
      share_padding(axis, std::max<int64_t>(full - axis.out, 0), mode == "SAME_UPPER");
    } else {
      axis.out = full - axis.before - axis.after;
    }
    if (axis.out < 0 || axis.in == 0) {
      fail(context, "gives an output of " + std::to_string(axis.out) + " elements along axis " +
                        std::to_string(i + 2));
    }
  }
  return window;
}

std::vector<int64_t> required_kernel(const NodeContext& context) {
  if (!context.node.has("kernel_shape")) fail(context, "attribute 'kernel_shape' is missing");
  return context.node.get("kernel_shape", std::vector<int64_t>{});
}

std::vector<int64_t> weight_kernel(const NodeContext& context, size_t weight_input) {
  require_rank(context, 0, 3, 5);
  require_rank(context, weight_input, context.shape(0).size(), context.shape(0).size());
  const Shape& weights = context.shape(weight_input);
  std::vector<int64_t> kernel(weights.begin() + 2, weights.end());
  if (context.node.get("kernel_shape", kernel) != kernel) {
    fail(context,
         "attribute 'kernel_shape' is " + to_string(context.node.get("kernel_shape", kernel)),
         to_string(kernel) + ", as the weights say");
  }
  return kernel;
}

std::vector<AttributeSpec> window_attributes(std::vector<AttributeSpec> more) {
  more.push_back({"auto_pad", AttributeKind::text});
  more.push_back({"kernel_shape", AttributeKind::integers});
  more.push_back({"pads", AttributeKind::integers});
  more.push_back({"strides", AttributeKind::integers});
  return more;
}

}  // namespace betimes::graph::detail

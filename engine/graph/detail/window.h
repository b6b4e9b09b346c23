#pragma once

#include <array>

#include "betimes/graph/operator.h"

/// Sliding windows over one to three spatial axes: what convolutions and pools share.
namespace betimes::graph::detail {

/// One spatial axis. Output o looks at inputs o * stride - before + k * dilation, k < kernel.
struct WindowAxis {
  int64_t in = 1;
  int64_t out = 1;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t before = 0;  // padding
  int64_t after = 0;

  int64_t input(int64_t output, int64_t k) const { return output * stride - before + k * dilation; }
  /// First and past-the-last window position k that lies inside the input.
  int64_t first_inside(int64_t output) const;
  int64_t end_inside(int64_t output) const;
  /// Outputs for which window position k lies inside the input.
  int64_t first_output(int64_t k) const;
  int64_t end_output(int64_t k) const;
};

/// Depth, height, width; axes that a 1-D or 2-D window lacks are of extent 1.
struct Window {
  size_t rank = 0;
  std::array<WindowAxis, 3> axes;

  int64_t in() const { return axes[0].in * axes[1].in * axes[2].in; }
  int64_t out() const { return axes[0].out * axes[1].out * axes[2].out; }
  int64_t taps() const { return axes[0].kernel * axes[1].kernel * axes[2].kernel; }
  /// {n, c, out...}
  Shape output_shape(int64_t n, int64_t c) const;
};

/// Reads auto_pad, pads, strides, dilations and, where allowed, ceil_mode of a convolution or pool
/// over input 0 ([N, C, spatial...]) with the given kernel. Throws Error naming the node.
Window sliding_window(const NodeContext& context, const std::vector<int64_t>& kernel);

/// The same for ConvTranspose: `in` is the smaller side, and output_shape and output_padding count.
/// Read the axes the other way round: input i reaches outputs i * stride - before + k * dilation.
Window transposed_window(const NodeContext& context, const std::vector<int64_t>& kernel);

/// kernel_shape, which a pool must carry.
std::vector<int64_t> required_kernel(const NodeContext& context);
/// kernel_shape of a convolution: the weights' spatial extents, which the attribute may repeat.
std::vector<int64_t> weight_kernel(const NodeContext& context, size_t weight_input);

/// Attributes of all windows, for the operators' lists.
std::vector<AttributeSpec> window_attributes(std::vector<AttributeSpec> more);

}  // namespace betimes::graph::detail

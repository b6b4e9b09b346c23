#pragma once

#include <optional>
#include <variant>

#include "betimes/runtime/detail/kernel.h"

namespace betimes::runtime {

/// A convolution over images; one over sequences is an image one pixel high.
struct ConvolutionShape {
  int64_t batch = 1, groups = 1;
  int64_t in_channels = 0, out_channels = 0;  // of all groups
  int64_t in_height = 1, in_width = 1, out_height = 1, out_width = 1;
  int64_t kernel_height = 1, kernel_width = 1;
  int64_t stride_height = 1, stride_width = 1;
  int64_t dilation_height = 1, dilation_width = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;

  double macs() const {
    const int64_t each = in_channels / groups * kernel_height * kernel_width;
    return static_cast<double>(batch * out_channels * out_height * out_width) *
           static_cast<double>(each);
  }
  bool depthwise() const { return groups == in_channels && groups == out_channels && groups > 1; }
};

/// Reads Conv, betimes.Conv, betimes.QuantizedConv and pooling nodes (whose weights are implied).
/// nullopt: not one- or two-dimensional.
std::optional<ConvolutionShape> convolution_shape(const graph::Node& node, const Shape& input,
                                                  const Shape& output);

/// The shape of a ConvTranspose or betimes.ConvTranspose node in fp32 with constant weights [C_in,
/// C_out / groups, kernel...] and no residual; otherwise why kernels leave it to the operator.
std::variant<ConvolutionShape, Refusal> constant_transposed_convolution(const Candidate& candidate);

}  // namespace betimes::runtime

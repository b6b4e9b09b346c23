#include "betimes/runtime/detail/convolution.h"

#include <algorithm>

namespace betimes::runtime {
namespace {

/// The attribute as height and width; a sequence's one number is the width.
std::pair<int64_t, int64_t> pair_of(const graph::Node& node, const char* key, int64_t otherwise) {
  const auto values = node.get(key, std::vector<int64_t>{});
  if (values.empty()) return {otherwise, otherwise};
  if (values.size() == 1) return {1, values[0]};
  return {values[0], values[1]};
}

/// Padding such that the output has ceil(input / stride) positions; the odd one goes at the end for
/// SAME_UPPER, at the start for SAME_LOWER (ONNX, operator Conv, attribute auto_pad).
std::pair<int64_t, int64_t> same_padding(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                                         int64_t dilation, bool upper) {
  const int64_t total = std::max<int64_t>(0, (out - 1) * stride + dilation * (kernel - 1) + 1 - in);
  const int64_t small = total / 2;
  return upper ? std::pair(small, total - small) : std::pair(total - small, small);
}

void read_padding(const graph::Node& node, ConvolutionShape& shape) {
  const std::string automatic = node.get("auto_pad", "NOTSET");
  if (automatic == "VALID") return;
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    const bool upper = automatic == "SAME_UPPER";
    std::tie(shape.pad_top, shape.pad_bottom) =
        same_padding(shape.in_height, shape.out_height, shape.kernel_height, shape.stride_height,
                     shape.dilation_height, upper);
    std::tie(shape.pad_left, shape.pad_right) =
        same_padding(shape.in_width, shape.out_width, shape.kernel_width, shape.stride_width,
                     shape.dilation_width, upper);
    return;
  }
  const auto pads = node.get("pads", std::vector<int64_t>{});
  if (pads.size() == 2) {
    shape.pad_left = pads[0];
    shape.pad_right = pads[1];
  } else if (pads.size() == 4) {
    shape.pad_top = pads[0];
    shape.pad_left = pads[1];
    shape.pad_bottom = pads[2];
    shape.pad_right = pads[3];
  }
}

}  // namespace

std::optional<ConvolutionShape> convolution_shape(const graph::Node& node, const Shape& input,
                                                  const Shape& output) {
  if (input.size() != output.size() || (input.size() != 3 && input.size() != 4)) {
    return std::nullopt;
  }
  ConvolutionShape shape;
  shape.batch = input[0];
  shape.in_channels = input[1];
  shape.out_channels = output[1];
  shape.in_width = input.back();
  shape.out_width = output.back();
  if (input.size() == 4) {
    shape.in_height = input[2];
    shape.out_height = output[2];
  }
  shape.groups = node.get("group", int64_t{1});
  std::tie(shape.kernel_height, shape.kernel_width) = pair_of(node, "kernel_shape", 1);
  std::tie(shape.stride_height, shape.stride_width) = pair_of(node, "strides", 1);
  std::tie(shape.dilation_height, shape.dilation_width) = pair_of(node, "dilations", 1);
  if (input.size() == 3) shape.kernel_height = shape.stride_height = shape.dilation_height = 1;
  read_padding(node, shape);
  return shape;
}

std::variant<ConvolutionShape, Refusal> constant_transposed_convolution(
    const Candidate& candidate) {
  auto shape =
      convolution_shape(candidate.node(), candidate.context.shape(0), candidate.outputs[0].shape);
  if (!shape || candidate.outputs[0].dtype != DType::f32 || candidate.context.present(3)) {
    return Refusal{"only one or two dimensions in fp32 without a residual"};
  }
  const bool constant_bias = !candidate.context.present(2) || candidate.constant(2);
  if (!candidate.constant(1) || !constant_bias) {
    return Refusal{"weights are computed while running"};
  }
  if (candidate.node().get("auto_pad", "NOTSET") != "NOTSET" ||
      candidate.node().has("output_shape")) {
    return Refusal{"padding is left to the operator"};
  }
  const Shape& weights = candidate.context.shape(1);
  shape->kernel_width = weights.back();
  shape->kernel_height = weights.size() == 4 ? weights[2] : 1;
  return *shape;
}

}  // namespace betimes::runtime

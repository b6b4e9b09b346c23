// Layers: convolution, matrix products, normalisation, pooling, resizing.
#include <cmath>
#include <limits>

#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

using Integers = std::vector<int64_t>;

/// One value stands for all spatial axes in LibTorch.
Integers spread(const Call& call, size_t i, size_t axes) {
  Integers values = call.integers(i);
  if (values.size() == 1) values.resize(axes, values[0]);
  if (values.size() != axes) call.refuse("operand " + std::to_string(i) + " has the wrong length");
  return values;
}

Integers both_ends(const Integers& padding) {
  Integers pads = padding;
  pads.insert(pads.end(), padding.begin(), padding.end());
  return pads;
}

struct ConvOperands {
  Integers stride, padding, dilation, output_padding;
  int64_t groups = 1;
  bool transposed = false;
};

void add_convolution(const Call& call, const ConvOperands& c) {
  const Shape weight = call.shape(1);
  std::vector<std::string> inputs = {call.tensor(0), call.tensor(1)};
  if (!call.is_none(2)) inputs.push_back(call.tensor(2));
  Attributes attributes = {{"kernel_shape", Integers(weight.begin() + 2, weight.end())},
                           {"strides", c.stride},
                           {"pads", both_ends(c.padding)},
                           {"dilations", c.dilation},
                           {"group", c.groups}};
  if (c.transposed) attributes["output_padding"] = c.output_padding;
  call.result(call.add(c.transposed ? "ConvTranspose" : "Conv", inputs, attributes));
}

size_t spatial_axes(const Call& call) {
  if (call.rank(0) < 3 || call.rank(0) != call.rank(1)) {
    call.refuse("has an input without batch axis", "[N, C, ...]");
  }
  return static_cast<size_t>(call.rank(0) - 2);
}

// _convolution(x, w, b, stride, padding, dilation, transposed, output_padding, groups, ...)
void convolution(const Call& call) {
  const size_t axes = spatial_axes(call);
  add_convolution(call, {.stride = spread(call, 3, axes),
                         .padding = spread(call, 4, axes),
                         .dilation = spread(call, 5, axes),
                         .output_padding = spread(call, 7, axes),
                         .groups = call.integer(8),
                         .transposed = call.flag(6)});
}

// conv2d(x, w, b, stride, padding, dilation, groups)
void conv(const Call& call) {
  const size_t axes = spatial_axes(call);
  add_convolution(call, {.stride = spread(call, 3, axes),
                         .padding = spread(call, 4, axes),
                         .dilation = spread(call, 5, axes),
                         .output_padding = {},
                         .groups = call.integer(6),
                         .transposed = false});
}

// conv_transpose2d(x, w, b, stride, padding, output_padding, groups, dilation)
void conv_transpose(const Call& call) {
  const size_t axes = spatial_axes(call);
  add_convolution(call, {.stride = spread(call, 3, axes),
                         .padding = spread(call, 4, axes),
                         .dilation = spread(call, 7, axes),
                         .output_padding = spread(call, 5, axes),
                         .groups = call.integer(6),
                         .transposed = true});
}

/// Operand i, or one value per channel where the layer has no such parameter.
std::string per_channel(const Call& call, size_t i, int64_t channels, double otherwise) {
  if (!call.is_none(i)) return call.tensor(i);
  return call.builder().constant(at::full({channels}, otherwise, at::kFloat));
}

// batch_norm(x, weight, bias, mean, variance, training, momentum, eps, cudnn)
void batch_norm(const Call& call) {
  if (call.flag(5)) call.refuse("is in training mode", "module.eval()");
  if (call.is_none(3) || call.is_none(4)) call.refuse("has no running statistics");
  const int64_t channels = call.shape(0)[1];
  // The statistics come last, so that the node is named after the layer also without parameters.
  call.result(call.add("BatchNormalization",
                       {call.tensor(0), per_channel(call, 1, channels, 1.0),
                        per_channel(call, 2, channels, 0.0), call.tensor(3), call.tensor(4)},
                       {{"epsilon", static_cast<float>(call.real(7))}}));
}

// layer_norm(x, normalized_shape, weight, bias, eps, cudnn)
void layer_norm(const Call& call) {
  const Integers extent = call.integers(1);
  const std::string scale =
      call.is_none(2) ? call.builder().constant(at::ones(extent, at::kFloat)) : call.tensor(2);
  std::vector<std::string> inputs = {call.tensor(0), scale};
  if (!call.is_none(3)) inputs.push_back(call.tensor(3));
  call.result(call.add("LayerNormalization", inputs,
                       {{"axis", -static_cast<int64_t>(extent.size())},
                        {"epsilon", static_cast<float>(call.real(4))}}));
}

// group_norm(x, groups, weight, bias, eps, cudnn), as instances of [N, groups, rest].
void group_norm(const Call& call) {
  const int64_t groups = call.integer(1);
  const Shape shape = call.shape(0);
  auto& builder = call.builder();
  const std::string grouped =
      call.add("Reshape", {call.tensor(0), builder.constant(Integers{0, groups, -1})});
  const std::string normal = call.add("InstanceNormalization",
                                      {grouped, builder.constant(at::ones({groups}, at::kFloat)),
                                       builder.constant(at::zeros({groups}, at::kFloat))},
                                      {{"epsilon", static_cast<float>(call.real(4))}});
  Shape target = shape;
  target[0] = 0;
  std::string result = call.add("Reshape", {normal, builder.constant(target)});
  Shape along_channels(shape.size() - 1, 1);
  along_channels[0] = shape[1];
  const auto affine = [&](size_t i, const char* op) {
    if (call.is_none(i)) return;
    const auto value = call.known(i);
    if (!value) call.refuse("has weights that are computed", "parameters");
    result = call.add(op, {result, builder.constant(value->reshape(along_channels))});
  };
  affine(2, "Mul");
  affine(3, "Add");
  call.result(result);
}

// linear(x, w, b)
void linear(const Call& call) {
  if (call.rank(0) == 2) {
    std::vector<std::string> inputs = {call.tensor(0), call.tensor(1)};
    if (!call.is_none(2)) inputs.push_back(call.tensor(2));
    call.result(call.add("Gemm", inputs, {{"transB", int64_t{1}}}));
    return;
  }
  const auto weight = call.known(1);
  const std::string transposed =
      weight ? call.builder().constant(weight->t())
             : call.add("Transpose", {call.tensor(1)}, {{"perm", Integers{1, 0}}});
  std::string product = call.add("MatMul", {call.tensor(0), transposed});
  if (!call.is_none(2)) product = call.add("Add", {product, call.tensor(2)});
  call.result(product);
}

// addmm(c, a, b, beta, alpha)
void addmm(const Call& call) {
  call.result(call.add(
      "Gemm", {call.tensor(1), call.tensor(2), call.tensor(0)},
      {{"alpha", static_cast<float>(call.real(4))}, {"beta", static_cast<float>(call.real(3))}}));
}

void matmul(const Call& call) { call.result(call.add("MatMul", {call.tensor(0), call.tensor(1)})); }

// embedding(weight, indices, ...)
void embedding(const Call& call) {
  call.result(call.add("Gather", {call.tensor(0), call.tensor(1)}, {{"axis", int64_t{0}}}));
}

Attributes window(const Call& call) {
  const size_t axes = static_cast<size_t>(call.rank(0) - 2);
  const Integers kernel = spread(call, 1, axes);
  const Integers stride = call.integers(2).empty() ? kernel : spread(call, 2, axes);
  return {
      {"kernel_shape", kernel}, {"strides", stride}, {"pads", both_ends(spread(call, 3, axes))}};
}

// max_pool2d(x, kernel, stride, padding, dilation, ceil)
void max_pool(const Call& call) {
  Attributes attributes = window(call);
  attributes["dilations"] = spread(call, 4, static_cast<size_t>(call.rank(0) - 2));
  attributes["ceil_mode"] = int64_t{call.flag(5)};
  call.result(call.add("MaxPool", {call.tensor(0)}, attributes));
}

// avg_pool2d(x, kernel, stride, padding, ceil, count_include_pad, divisor)
void avg_pool(const Call& call) {
  if (!call.is_none(6)) call.refuse("overrides the divisor", "no divisor_override");
  Attributes attributes = window(call);
  attributes["ceil_mode"] = int64_t{call.flag(4)};
  attributes["count_include_pad"] = int64_t{call.flag(5)};
  call.result(call.add("AveragePool", {call.tensor(0)}, attributes));
}

/// adaptive_*_pool2d(x, output size): global, or windows that tile the image.
std::function<void(const Call&)> adaptive_pool(std::string op, std::string global) {
  return [op, global](const Call& call) {
    const Shape shape = call.shape(0);
    const Integers out = spread(call, 1, shape.size() - 2);
    Integers kernel;
    bool whole = true;
    for (size_t i = 0; i < out.size(); ++i) {
      const int64_t extent = shape[i + 2];
      if (out[i] < 1 || extent % out[i] != 0) {
        call.refuse("has windows of unequal size", "an output size that divides the image's");
      }
      kernel.push_back(extent / out[i]);
      whole = whole && out[i] == 1;
    }
    if (whole) {
      call.result(call.add(global, {call.tensor(0)}));
      return;
    }
    call.result(call.add(op, {call.tensor(0)}, {{"kernel_shape", kernel}, {"strides", kernel}}));
  };
}

/// The factor that gives exactly `out` by ONNX's floor(in * factor), rounding of floats included.
float resize_factor(int64_t in, int64_t out) {
  float factor = static_cast<float>(out) / static_cast<float>(in);
  if (std::floor(static_cast<float>(in) * factor) < static_cast<float>(out)) {
    factor = std::nextafter(factor, std::numeric_limits<float>::infinity());
  }
  return factor;
}

/// Factors rather than sizes, for they leave the batch open.
void resize(const Call& call, Attributes attributes) {
  const Shape in = call.shape(0);
  const Shape out = call.out_shape();
  std::vector<float> factors;
  for (size_t i = 0; i < in.size(); ++i) factors.push_back(resize_factor(in[i], out[i]));
  const std::string scales =
      call.builder().constant(at::tensor(factors, at::kFloat), "resize.scales");
  call.result(call.add("Resize", {call.tensor(0), "", scales}, std::move(attributes)));
}

void upsample_nearest(const Call& call) {
  resize(call, {{"mode", "nearest"},
                {"coordinate_transformation_mode", "asymmetric"},
                {"nearest_mode", "floor"}});
}

// upsample_bilinear2d(x, size, align_corners, factors)
void upsample_linear(const Call& call) {
  resize(call, {{"mode", "linear"},
                {"coordinate_transformation_mode",
                 call.flag(2) ? "align_corners" : "pytorch_half_pixel"}});
}

}  // namespace

std::span<const Lowering> layer_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::_convolution", convolution},
      {"aten::adaptive_avg_pool1d", adaptive_pool("AveragePool", "GlobalAveragePool")},
      {"aten::adaptive_avg_pool2d", adaptive_pool("AveragePool", "GlobalAveragePool")},
      {"aten::adaptive_max_pool2d", adaptive_pool("MaxPool", "GlobalMaxPool")},
      {"aten::addmm", addmm},
      {"aten::avg_pool1d", avg_pool},
      {"aten::avg_pool2d", avg_pool},
      {"aten::batch_norm", batch_norm},
      {"aten::bmm", matmul},
      {"aten::conv1d", conv},
      {"aten::conv2d", conv},
      {"aten::conv_transpose1d", conv_transpose},
      {"aten::conv_transpose2d", conv_transpose},
      {"aten::embedding", embedding},
      {"aten::group_norm", group_norm},
      {"aten::layer_norm", layer_norm},
      {"aten::linear", linear},
      {"aten::matmul", matmul},
      {"aten::max_pool1d", max_pool},
      {"aten::max_pool2d", max_pool},
      {"aten::mm", matmul},
      {"aten::upsample_bilinear2d", upsample_linear},
      {"aten::upsample_nearest2d", upsample_nearest},
  };
  return list;
}

}  // namespace betimes::learn::detail

// Pooling, resizing and sampling at given places.
#include <cmath>
#include <limits>

#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

using Integers = std::vector<int64_t>;

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

// upsample_linear1d(x, size, align_corners, factors), and over two and three axes
void upsample_linear(const Call& call) {
  resize(call, {{"mode", "linear"},
                {"coordinate_transformation_mode",
                 call.flag(2) ? "align_corners" : "pytorch_half_pixel"}});
}

// upsample_bicubic2d(x, size, align_corners, factors)
void upsample_cubic(const Call& call) {
  resize(call, {{"mode", "cubic"},
                {"cubic_coeff_a", -0.75f},
                {"coordinate_transformation_mode",
                 call.flag(2) ? "align_corners" : "pytorch_half_pixel"}});
}

// grid_sampler(x, grid, interpolation, padding, align_corners)
void grid_sample(const Call& call) {
  static const std::vector<std::string> modes = {"bilinear", "nearest", "bicubic"};
  static const std::vector<std::string> paddings = {"zeros", "border", "reflection"};
  call.result(call.add("GridSample", {call.tensor(0), call.tensor(1)},
                       {{"mode", modes.at(static_cast<size_t>(call.integer(2)))},
                        {"padding_mode", paddings.at(static_cast<size_t>(call.integer(3)))},
                        {"align_corners", int64_t{call.flag(4)}}}));
}

}  // namespace

std::span<const Lowering> resampling_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::adaptive_avg_pool1d", adaptive_pool("AveragePool", "GlobalAveragePool")},
      {"aten::adaptive_avg_pool2d", adaptive_pool("AveragePool", "GlobalAveragePool")},
      {"aten::adaptive_max_pool2d", adaptive_pool("MaxPool", "GlobalMaxPool")},
      {"aten::avg_pool1d", avg_pool},
      {"aten::avg_pool2d", avg_pool},
      {"aten::avg_pool3d", avg_pool},
      {"aten::grid_sampler", grid_sample},
      {"aten::max_pool1d", max_pool},
      {"aten::max_pool2d", max_pool},
      {"aten::max_pool3d", max_pool},
      {"aten::upsample_bicubic2d", upsample_cubic},
      {"aten::upsample_bilinear2d", upsample_linear},
      {"aten::upsample_linear1d", upsample_linear},
      {"aten::upsample_nearest1d", upsample_nearest},
      {"aten::upsample_nearest2d", upsample_nearest},
  };
  return list;
}

}  // namespace betimes::learn::detail

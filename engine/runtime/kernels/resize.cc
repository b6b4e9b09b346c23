#include <algorithm>
#include <cmath>
#include <cstring>

#include "betimes/runtime/detail/parallel.h"
#include "betimes/runtime/kernels/vector/loops.h"

// Resize of channels-last images, nearest and linear: which source position (or two) each output
// position reads is worked out once.

namespace betimes::runtime {
namespace {

/// Source positions of each output position along one axis.
struct Axis {
  int64_t in = 1, out = 1;
  std::vector<int64_t> low, high;
  std::vector<float> weight;  // of high
};

/// ONNX, operator Resize: original coordinate of an output coordinate; NaN for modes not done here.
double original(const std::string& mode, double x, double scale, int64_t in, int64_t out) {
  if (mode == "half_pixel") return (x + 0.5) / scale - 0.5;
  if (mode == "pytorch_half_pixel") return out > 1 ? (x + 0.5) / scale - 0.5 : 0.0;
  if (mode == "asymmetric") return x / scale;
  if (mode == "align_corners") {
    return out > 1 ? x * static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0.0;
  }
  return std::nan("");
}

double nearest(const std::string& mode, double x) {
  if (mode == "floor") return std::floor(x);
  if (mode == "ceil") return std::ceil(x);
  if (mode == "round_prefer_ceil") return std::floor(x + 0.5);
  return std::ceil(x - 0.5);  // round_prefer_floor
}

std::optional<Axis> make_axis(const graph::Node& node, int64_t in, int64_t out, double scale) {
  const std::string transform = node.get("coordinate_transformation_mode", "half_pixel");
  const bool linear = node.get("mode", "nearest") == "linear";
  const std::string rounding = node.get("nearest_mode", "round_prefer_floor");
  Axis axis{in, out, {}, {}, {}};
  for (int64_t i = 0; i < out; ++i) {
    double x = original(transform, static_cast<double>(i), scale, in, out);
    if (std::isnan(x)) return std::nullopt;
    if (!linear) x = nearest(rounding, x);
    x = std::clamp(x, 0.0, static_cast<double>(in - 1));
    const int64_t low = static_cast<int64_t>(std::floor(x));
    axis.low.push_back(low);
    axis.high.push_back(std::min(low + 1, in - 1));
    axis.weight.push_back(static_cast<float>(x - static_cast<double>(low)));
  }
  return axis;
}

struct Images {
  int64_t batch = 1, channels = 1;
  Axis y, x;
};

std::optional<Images> images_of(const Candidate& candidate) {
  const Shape& in = candidate.context.shape(0);
  const Shape& out = candidate.outputs[0].shape;
  const graph::Node& node = candidate.node();
  if (in.size() != 4 || out.size() != 4 || in[0] != out[0] || in[1] != out[1]) return std::nullopt;
  if (element_count(in) == 0 || element_count(out) == 0) return std::nullopt;
  for (const char* key : {"axes", "antialias", "exclude_outside", "keep_aspect_ratio_policy"}) {
    if (node.has(key)) return std::nullopt;
  }
  double scale_y = static_cast<double>(out[2]) / static_cast<double>(in[2]);
  double scale_x = static_cast<double>(out[3]) / static_cast<double>(in[3]);
  if (candidate.context.present(2)) {
    const Tensor* scales = candidate.constant(2);
    if (!scales || scales->dtype() != DType::f32) return std::nullopt;
    if (scales->size() == 4) {
      scale_y = scales->data<float>()[2];
      scale_x = scales->data<float>()[3];
    }
  }
  auto y = make_axis(node, in[2], out[2], scale_y);
  auto x = make_axis(node, in[3], out[3], scale_x);
  if (!y || !x) return std::nullopt;
  return Images{in[0], in[1], std::move(*y), std::move(*x)};
}

template <class T>
void nearest_rows(const Images& s, const T* in, T* out, int64_t row, int64_t end) {
  const int64_t c = s.channels;
  for (; row < end; ++row) {
    const int64_t n = row / s.y.out;
    const T* from = in + (n * s.y.in + s.y.low[static_cast<size_t>(row % s.y.out)]) * s.x.in * c;
    T* to = out + row * s.x.out * c;
    for (int64_t x = 0; x < s.x.out; ++x) {
      std::memcpy(to + x * c, from + s.x.low[static_cast<size_t>(x)] * c,
                  static_cast<size_t>(c) * sizeof(T));
    }
  }
}

void linear_rows(const Images& s, const float* in, float* out, int64_t row, int64_t end) {
  const int64_t c = s.channels;
  const Loops& vector = loops();
  for (; row < end; ++row) {
    const size_t y = static_cast<size_t>(row % s.y.out);
    const float* image = in + row / s.y.out * s.y.in * s.x.in * c;
    const float* top = image + s.y.low[y] * s.x.in * c;
    const float* bottom = image + s.y.high[y] * s.x.in * c;
    for (int64_t x = 0; x < s.x.out; ++x) {
      const size_t at = static_cast<size_t>(x);
      const int64_t left = s.x.low[at] * c;
      const int64_t right = s.x.high[at] * c;
      vector.mix4(top + left, top + right, bottom + left, bottom + right, s.x.weight[at],
                  s.y.weight[y], out + (row * s.x.out + x) * c, c);
    }
  }
}

template <class T, class Rows>
Choice make(const Candidate& candidate, Images images, Rows rows) {
  const int64_t count = images.batch * images.y.out;
  const int threads = useful_threads(candidate.threads, count * images.x.out * images.channels);
  Choice choice;
  choice.reads = {{0, Layout::channels_last}};
  choice.writes = {Layout::channels_last};
  choice.precision = candidate.outputs[0].dtype == DType::f32 ? "fp32" : "int8";
  choice.kernel = simple_kernel("resize", [=, images = std::make_shared<const Images>(
                                                  std::move(images))](const Buffers& buffers) {
    const T* in = static_cast<const T*>(buffers.inputs[0]);
    T* out = static_cast<T*>(buffers.outputs[0]);
    return [=] {
      parallel(threads, count, [&](int64_t row, int64_t end) { rows(*images, in, out, row, end); });
    };
  });
  return choice;
}

Offer resize(const Candidate& candidate) {
  const std::string mode = candidate.node().get("mode", "nearest");
  auto images = images_of(candidate);
  if (!images) return Refusal{"only plain resizing of images"};
  const DType type = candidate.outputs[0].dtype;
  if (mode == "nearest" && type == DType::f32) {
    return make<float>(candidate, std::move(*images), nearest_rows<float>);
  }
  if (mode == "nearest" && type == DType::u8) {
    return make<uint8_t>(candidate, std::move(*images), nearest_rows<uint8_t>);
  }
  if (mode == "linear" && type == DType::f32) {
    return make<float>(candidate, std::move(*images), linear_rows);
  }
  return Refusal{"neither nearest nor linear in fp32"};
}

}  // namespace

void register_resize(KernelRegistry& registry) { registry.add("Resize", 10, resize); }

}  // namespace betimes::runtime

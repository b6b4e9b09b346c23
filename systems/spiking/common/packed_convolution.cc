#include "systems/spiking/common/packed_convolution.h"

#include <algorithm>
#include <bit>

#include "betimes/base/error.h"

namespace betimes::systems::spiking {
namespace {

runtime::SpikeConvolution shape_of(const Shape& weight, const Shape& bias, const MapShape& map) {
  if (weight.size() != 4 || std::min({weight[0], weight[1], weight[2], weight[3]}) < 1) {
    throw Error("spiking layer", "has weights of shape " + to_string(weight), "[out, in, kh, kw]");
  }
  if (bias != Shape{weight[0]}) {
    throw Error("spiking layer", "has biases of shape " + to_string(bias),
                to_string(Shape{weight[0]}));
  }
  runtime::SpikeConvolution s;
  s.out_channels = weight[0];
  s.in_channels = weight[1];
  s.kernel_height = weight[2];
  s.kernel_width = weight[3];
  s.in_height = map.height;
  s.in_width = map.width;
  s.stride = map.stride;
  s.pad = map.pad;
  if (map.height < 1 || map.width < 1 || map.stride < 1 || map.pad < 0 ||
      map.height + 2 * map.pad < weight[2] || map.width + 2 * map.pad < weight[3]) {
    throw Error("spiking layer", "has a kernel that doesn't fit a map of " +
                                     std::to_string(map.height) + "x" + std::to_string(map.width));
  }
  s.out_height = (s.in_height + 2 * s.pad - s.kernel_height) / s.stride + 1;
  s.out_width = (s.in_width + 2 * s.pad - s.kernel_width) / s.stride + 1;
  return s;
}

/// f(taps of the kernel that pixel's spikes meet) for every pixel of the map: how many outputs see
/// it along one axis.
int64_t seen_along(int64_t at, int64_t kernel, int64_t stride, int64_t pad, int64_t outputs) {
  int64_t seen = 0;
  for (int64_t tap = 0; tap < kernel; ++tap) {
    const int64_t start = at + pad - tap;
    seen += start >= 0 && start % stride == 0 && start / stride < outputs ? 1 : 0;
  }
  return seen;
}

int64_t seen_by(const runtime::SpikeConvolution& s, int64_t pixel) {
  return seen_along(pixel / s.in_width, s.kernel_height, s.stride, s.pad, s.out_height) *
         seen_along(pixel % s.in_width, s.kernel_width, s.stride, s.pad, s.out_width);
}

}  // namespace

PackedConvolution::PackedConvolution(const Tensor& weight, const Tensor& bias, const MapShape& map)
    : shape_(shape_of(weight.shape(), bias.shape(), map)) {
  const int64_t taps = shape_.kernel_height * shape_.kernel_width, padded = shape_.padded();
  weights_ = Tensor(DType::f32, {taps, shape_.in_channels, padded});
  bias_ = Tensor(DType::f32, {padded});
  const auto from = weight.data<float>();
  const auto to = weights_.mutable_data<float>();
  for (int64_t o = 0; o < shape_.out_channels; ++o) {
    for (int64_t c = 0; c < shape_.in_channels; ++c) {
      for (int64_t tap = 0; tap < taps; ++tap) {
        to[static_cast<size_t>((tap * shape_.in_channels + c) * padded + o)] =
            from[static_cast<size_t>((o * shape_.in_channels + c) * taps + tap)];
      }
    }
  }
  std::ranges::copy(bias.data<float>(), bias_.mutable_data<float>().begin());
  shape_.weights = weights_.data<float>().data();
  shape_.bias = bias_.data<float>().data();
}

Tensor pooled_kernel(const Tensor& weight) {
  const Shape& shape = weight.shape();
  if (shape.size() != 4) {
    throw Error("spiking layer", "has weights of shape " + to_string(shape), "[out, in, kh, kw]");
  }
  const int64_t height = shape[2], width = shape[3];
  Tensor pooled(DType::f32, {shape[0], shape[1], height + 1, width + 1});
  const auto from = weight.data<float>();
  const auto to = pooled.mutable_data<float>();
  for (int64_t map = 0; map < shape[0] * shape[1]; ++map) {
    for (int64_t k = 0; k < 4 * height * width; ++k) {
      const int64_t y = k / 4 / width, x = k / 4 % width, down = k / 2 % 2, right = k % 2;
      to[static_cast<size_t>((map * (height + 1) + y + down) * (width + 1) + x + right)] +=
          from[static_cast<size_t>((map * height + y) * width + x)] / 4;
    }
  }
  return pooled;
}

int64_t synaptic_operations(const runtime::SpikeConvolution& layer, const uint64_t* spikes) {
  int64_t seen = 0;
  for (int64_t pixel = 0; pixel < layer.in_pixels(); ++pixel) {
    int64_t fired = 0;
    for (int64_t word = 0; word < layer.in_words(); ++word) {
      fired += std::popcount(spikes[pixel * layer.in_words() + word]);
    }
    if (fired > 0) seen += fired * seen_by(layer, pixel);
  }
  return seen * layer.out_channels;
}

int64_t dense_operations(const runtime::SpikeConvolution& layer) {
  int64_t seen = 0;
  for (int64_t pixel = 0; pixel < layer.in_pixels(); ++pixel) seen += seen_by(layer, pixel);
  return seen * layer.in_channels * layer.out_channels;
}

}  // namespace betimes::systems::spiking

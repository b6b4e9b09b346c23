#include "systems/hardware/wa-hls4ml/fixed_point.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"

namespace betimes::systems::wa_hls4ml {
namespace {

float largest_of(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

std::vector<float> affine(const DenseNet::Layer& layer, std::span<const float> x) {
  std::vector<float> found(layer.bias);
  for (int64_t i = 0; i < layer.out; ++i) {
    const float* row = layer.weight.data() + i * layer.in;
    float sum = 0;
    for (int64_t j = 0; j < layer.in; ++j) sum += row[j] * x[static_cast<size_t>(j)];
    found[static_cast<size_t>(i)] += sum;
  }
  return found;
}

void relu(std::vector<float>& values) {
  for (float& value : values) value = std::max(value, 0.0f);
}

std::vector<float> values_of(const std::map<std::string, Tensor>& tensors, const std::string& name,
                             size_t rank, const std::string& where, Shape& shape) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw Error(where, fmt::format("has no tensor {}", name));
  shape = found->second.shape();
  if (found->second.dtype() != DType::f32 || shape.size() != rank || found->second.size() == 0) {
    throw Error(where, fmt::format("{} is {}", name, to_string(found->second.type())),
                fmt::format("f32 of rank {}", rank));
  }
  const auto data = found->second.data<float>();
  return {data.begin(), data.end()};
}

}  // namespace

DenseNet read_dense(const std::map<std::string, Tensor>& tensors, const std::string& prefix,
                    const std::string& where) {
  DenseNet net;
  for (size_t i = 0; i == 0 || tensors.contains(fmt::format("{}{}.weight", prefix, i)); ++i) {
    DenseNet::Layer layer;
    Shape weight, bias;
    layer.weight = values_of(tensors, fmt::format("{}{}.weight", prefix, i), 2, where, weight);
    layer.bias = values_of(tensors, fmt::format("{}{}.bias", prefix, i), 1, where, bias);
    layer.out = weight[0];
    layer.in = weight[1];
    if (bias[0] != layer.out || (i > 0 && net.layers.back().out != layer.in)) {
      throw Error(where, fmt::format("{}{} doesn't fit its bias or the layer before", prefix, i));
    }
    net.layers.push_back(std::move(layer));
  }
  return net;
}

FixedPoint FixedPoint::covering(int bits, float largest) {
  if (bits < 2) throw Error("fixed point", fmt::format("{} bits", bits), "2 at least");
  const float span = std::exp2(std::ceil(std::log2(std::max(largest, 1e-6f))));
  return {bits, std::ldexp(span, 1 - bits)};
}

float FixedPoint::operator()(float value) const {
  const float most = std::ldexp(1.0f, bits - 1);
  return step * std::clamp(std::round(value / step), -most, most - 1);
}

FixedNet::FixedNet(const DenseNet& net, int bits, std::span<const float> examples) : net_(net) {
  const auto width = static_cast<size_t>(net.layers.front().in);
  if (examples.empty() || examples.size() % width != 0) {
    throw Error("fixed point", fmt::format("examples of {} numbers", examples.size()),
                fmt::format("{} each", width));
  }
  for (DenseNet::Layer& layer : net_.layers) {
    const FixedPoint weight = FixedPoint::covering(bits, largest_of(layer.weight));
    std::ranges::transform(layer.weight, layer.weight.begin(), weight);
    const FixedPoint bias = FixedPoint::covering(bits, largest_of(layer.bias));
    std::ranges::transform(layer.bias, layer.bias.begin(), bias);
  }
  // Ranges are those of the net as it was trained: coarse numbers would hide each other's.
  std::vector<float> largest(net.layers.size());
  for (size_t first = 0; first < examples.size(); first += width) {
    std::vector<float> x(examples.begin() + static_cast<int64_t>(first),
                         examples.begin() + static_cast<int64_t>(first + width));
    for (size_t i = 0; i < net.layers.size(); ++i) {
      largest[i] = std::max(largest[i], largest_of(x));
      x = affine(net.layers[i], x);
      relu(x);
    }
  }
  for (const float each : largest) activations_.push_back(FixedPoint::covering(bits, each));
}

std::vector<float> FixedNet::operator()(std::span<const float> example) const {
  std::vector<float> x(example.begin(), example.end());
  for (size_t i = 0; i < net_.layers.size(); ++i) {
    std::ranges::transform(x, x.begin(), activations_[i]);
    x = affine(net_.layers[i], x);
    if (i + 1 < net_.layers.size()) relu(x);
  }
  return x;
}

}  // namespace betimes::systems::wa_hls4ml

#include "systems/spiking/iir-snn/iir_net.h"

#include <cmath>

#include "betimes/base/error.h"
#include "betimes/import/safetensors.h"
#include "systems/spiking/common/packed_convolution.h"

namespace betimes::systems::iir_snn {
namespace {

constexpr int64_t most_layers = 64, most_steps = 1024, largest_side = 4096;

std::string layer_name(size_t index) { return "layer " + std::to_string(index); }

/// Channels, height and width of what a layer reads or gives.
struct MapSize {
  int64_t channels = 1, height = 1, width = 1;
};

MapSize after(const Layer& layer, const MapSize& in, const std::string& where) {
  const Shape& shape = layer.weight.shape();
  if (layer.weight.dtype() != DType::f32 || layer.bias.dtype() != DType::f32) {
    throw Error(where, "has weights that aren't float32");
  }
  const bool dense = shape.size() == 2, convolution = shape.size() == 4;
  const int64_t inputs = dense ? in.channels * in.height * in.width : in.channels;
  if (!(dense || (convolution && shape[2] == 3 && shape[3] == 3)) || shape[1] != inputs ||
      shape[0] < 1 || layer.bias.shape() != Shape{shape[0]}) {
    throw Error(where,
                "has weights " + to_string(shape) + " and biases " + to_string(layer.bias.shape()),
                "[out, " + std::to_string(inputs) + (dense ? "]" : ", 3, 3]") + " and [out]");
  }
  if (dense && layer.pooled) throw Error(where, "is dense and can't be pooled");
  if (dense) return {shape[0], 1, 1};
  const int64_t share = layer.pooled ? 2 : 1;
  if (in.height < share || in.width < share) throw Error(where, "has nothing left to pool");
  return {shape[0], in.height / share, in.width / share};
}

const Tensor& tensor(const std::map<std::string, Tensor>& tensors, const std::string& name,
                     const std::string& path) {
  const auto it = tensors.find(name);
  if (it == tensors.end()) throw Error(path, "has no tensor '" + name + "'");
  return it->second;
}

}  // namespace

void check(const Net& net) {
  if (net.height < 1 || net.width < 1 || net.height > largest_side || net.width > largest_side) {
    throw Error("spiking net", "is for images without a sensible size");
  }
  if (net.time_steps < 0 || net.time_steps > most_steps) {
    throw Error("spiking net", "has " + std::to_string(net.time_steps) + " time steps",
                "1 to " + std::to_string(most_steps) + ", 0 for ReLU");
  }
  if (net.layers.size() < 2 || net.layers.size() > most_layers) {
    throw Error("spiking net", "has " + std::to_string(net.layers.size()) + " layers",
                "2 to " + std::to_string(most_layers));
  }
  MapSize map{1, net.height, net.width};
  for (size_t i = 0; i < net.layers.size(); ++i) {
    const Layer& layer = net.layers[i];
    map = after(layer, map, layer_name(i));
    if (!(layer.threshold > 0) || !std::isfinite(layer.threshold)) {
      throw Error(layer_name(i), "has a threshold that isn't positive");
    }
    if (!(layer.leak >= 0 && layer.leak <= 1)) {
      throw Error(layer_name(i), "has a leak of " + std::to_string(layer.leak), "0 to 1");
    }
  }
  if (map.height != 1 || map.width != 1) {
    throw Error("spiking net", "ends in a map", "a dense layer");
  }
}

Net read_net(const std::string& path) {
  const auto tensors = import::read_safetensors(path);
  Net net;
  const Tensor& shape = tensor(tensors, "shape", path);
  const Tensor& neurons = tensor(tensors, "neurons", path);
  if (shape.type() != TensorType{DType::i64, {3}} || neurons.dtype() != DType::f32 ||
      neurons.shape().size() != 2 || neurons.shape()[1] != 3 || neurons.shape()[0] > most_layers) {
    throw Error(path, "isn't a net of this system",
                "'shape' i64 [3] and 'neurons' f32 [layers, 3]");
  }
  net.height = shape.data<int64_t>()[0];
  net.width = shape.data<int64_t>()[1];
  net.time_steps = shape.data<int64_t>()[2];
  const auto values = neurons.data<float>();
  for (size_t i = 0; i < static_cast<size_t>(neurons.shape()[0]); ++i) {
    const std::string stem = std::to_string(i);
    net.layers.push_back({tensor(tensors, stem + ".weight", path),
                          tensor(tensors, stem + ".bias", path), values[3 * i] != 0,
                          values[3 * i + 1], values[3 * i + 2]});
  }
  try {
    check(net);
  } catch (const Error& error) {
    throw Error(path, error.what());
  }
  return net;
}

void write_net(const std::string& path, const Net& net) {
  check(net);
  std::map<std::string, Tensor> tensors;
  const std::vector<int64_t> shape = {net.height, net.width, net.time_steps};
  tensors["shape"] = Tensor::from<int64_t>({3}, shape);
  std::vector<float> neurons;
  for (size_t i = 0; i < net.layers.size(); ++i) {
    const Layer& layer = net.layers[i];
    neurons.insert(neurons.end(), {layer.pooled ? 1.0f : 0.0f, layer.threshold, layer.leak});
    tensors[std::to_string(i) + ".weight"] = layer.weight;
    tensors[std::to_string(i) + ".bias"] = layer.bias;
  }
  tensors["neurons"] = Tensor::from({static_cast<int64_t>(net.layers.size()), 3}, neurons);
  import::write_safetensors(path, tensors);
}

Kernel kernel_of(const Layer& layer, int64_t height, int64_t width) {
  const Shape& shape = layer.weight.shape();
  if (shape.size() == 2) {
    return {layer.weight.reshaped({shape[0], shape[1] / (height * width), height, width}), 1, 0};
  }
  if (layer.pooled) return {spiking::pooled_kernel(layer.weight), 2, 1};
  return {layer.weight, 1, 1};
}

}  // namespace betimes::systems::iir_snn

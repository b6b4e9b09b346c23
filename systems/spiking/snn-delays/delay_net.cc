#include "systems/spiking/snn-delays/delay_net.h"

#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/import/safetensors.h"

namespace betimes::systems::snn_delays {
namespace {

constexpr int64_t most_layers = 32, longest_kernel = 255, widest = 65536;

void check_layer(const Layer& layer, int64_t inputs, int64_t kernel, const std::string& where) {
  const Shape& shape = layer.weight.shape();
  if (layer.weight.dtype() != DType::f32 || shape.size() != 2 || shape[1] != inputs ||
      shape[0] < 1 || shape[0] > widest) {
    throw Error(where, "has weights " + to_string(layer.weight.type()),
                "float32 [out, " + std::to_string(inputs) + "]");
  }
  if (layer.delay.type() != TensorType{DType::u8, shape} ||
      layer.shift.type() != TensorType{DType::f32, {shape[0]}}) {
    throw Error(where, "has delays or shifts that don't fit its weights");
  }
  const auto delays = layer.delay.data<uint8_t>();
  if (!delays.empty() && std::ranges::max(delays) >= kernel) {
    throw Error(where, "has a delay of " + std::to_string(std::ranges::max(delays)) + " bins",
                "at most " + std::to_string(kernel - 1));
  }
}

const Tensor& tensor(const std::map<std::string, Tensor>& tensors, const std::string& name,
                     const std::string& path) {
  const auto it = tensors.find(name);
  if (it == tensors.end()) throw Error(path, "has no tensor '" + name + "'");
  return it->second;
}

}  // namespace

double Net::parameters() const {
  int64_t count = 0;
  for (const Layer& layer : layers) {
    count += layer.weight.size() + layer.shift.size();
    if (kernel > 1) count += layer.delay.size();
  }
  return static_cast<double>(count);
}

void check(const Net& net) {
  if (net.kernel < 1 || net.kernel > longest_kernel || net.kernel % 2 == 0) {
    throw Error("delay net", "has a kernel of " + std::to_string(net.kernel) + " bins",
                "an odd number up to " + std::to_string(longest_kernel));
  }
  if (!(net.leak >= 0 && net.leak < 1)) {
    throw Error("delay net", "has a time constant of at most one bin, or none", "tau > 1");
  }
  if (net.layers.empty() || net.layers.size() > most_layers) {
    throw Error("delay net", "has " + std::to_string(net.layers.size()) + " layers");
  }
  const Shape& first = net.layers[0].weight.shape();
  int64_t inputs = first.size() == 2 ? first[1] : 0;
  if (inputs < 1 || inputs > widest) throw Error("delay net", "hears no channels");
  for (size_t i = 0; i < net.layers.size(); ++i) {
    check_layer(net.layers[i], inputs, net.kernel, "layer " + std::to_string(i));
    inputs = net.layers[i].weight.shape()[0];
  }
}

Net read_net(const std::string& path) {
  const auto tensors = import::read_safetensors(path);
  const Tensor& kernel = tensor(tensors, "kernel", path);
  const Tensor& leak = tensor(tensors, "leak", path);
  if (kernel.type() != TensorType{DType::i64, {}} || leak.type() != TensorType{DType::f32, {}}) {
    throw Error(path, "isn't a net of this system", "'kernel' and 'leak', one number each");
  }
  Net net;
  net.kernel = kernel.data<int64_t>()[0];
  net.leak = leak.data<float>()[0];
  for (int64_t i = 0; tensors.contains(std::to_string(i) + ".weight") && i <= most_layers; ++i) {
    const std::string stem = std::to_string(i);
    net.layers.push_back({tensors.at(stem + ".weight"), tensor(tensors, stem + ".delay", path),
                          tensor(tensors, stem + ".shift", path)});
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
  tensors["kernel"] = Tensor::scalar(net.kernel);
  tensors["leak"] = Tensor::scalar(net.leak);
  for (size_t i = 0; i < net.layers.size(); ++i) {
    const std::string stem = std::to_string(i);
    tensors[stem + ".weight"] = net.layers[i].weight;
    tensors[stem + ".delay"] = net.layers[i].delay;
    tensors[stem + ".shift"] = net.layers[i].shift;
  }
  import::write_safetensors(path, tensors);
}

}  // namespace betimes::systems::snn_delays

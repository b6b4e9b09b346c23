#include "systems/hardware/help/predictor.h"

#include <fmt/format.h>

#include "betimes/base/error.h"
#include "betimes/import/safetensors.h"

namespace betimes::systems::help {
namespace {

constexpr const char* network_prefix = "model.meta_learner.";
constexpr const char* steps_prefix = "task_lr.meta_learner.";
constexpr const char* modulator_prefix = "inference_network.z_encoder.";

/// A layer's name in the files, and whether its matrix stands there as [in, out].
struct Name {
  std::string text;
  bool transposed = false;
};

std::vector<Name> trunk_names(bool graph) {
  if (!graph) return {{"fc1"}, {"fc2"}};
  return {{"gc1", true}, {"gc2", true}, {"gc3", true}, {"gc4", true}};
}
std::vector<Name> device_names() { return {{"fc_hw1"}, {"fc_hw2"}}; }
std::vector<Name> head_names() { return {{"fc3"}, {"fc4"}, {"fc5"}}; }
std::vector<Name> modulator_names() { return {{"0"}, {"2"}}; }

std::vector<float> transposed(std::span<const float> given, int64_t rows, int64_t columns) {
  std::vector<float> found(given.size());
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      found[static_cast<size_t>(j * rows + i)] = given[static_cast<size_t>(i * columns + j)];
    }
  }
  return found;
}

/// Takes tensors out by name, so that what is left over isn't known.
class Reader {
 public:
  Reader(std::map<std::string, Tensor> tensors, std::string where)
      : left_(std::move(tensors)), where_(std::move(where)) {}

  bool has(const std::string& name) const { return left_.contains(name); }

  std::vector<Layer> layers(const std::string& prefix, const std::vector<Name>& names) {
    std::vector<Layer> found;
    for (const Name& name : names) found.push_back(layer(prefix + name.text, name.transposed));
    return found;
  }

  void finish() const {
    if (!left_.empty()) throw Error(where_, left_.begin()->first + " isn't known");
  }

 private:
  Tensor take(const std::string& name, size_t rank) {
    const auto node = left_.extract(name);
    if (node.empty()) throw Error(where_, "has no tensor " + name);
    const Tensor& tensor = node.mapped();
    if (tensor.dtype() != DType::f32 || tensor.shape().size() != rank || tensor.size() == 0) {
      throw Error(where_, fmt::format("{} is {}", name, to_string(tensor.type())),
                  fmt::format("f32 of rank {}", rank));
    }
    return tensor;
  }

  Layer layer(const std::string& name, bool is_transposed) {
    const Tensor weight = take(name + ".weight", 2), bias = take(name + ".bias", 1);
    const int64_t rows = weight.shape()[0], columns = weight.shape()[1];
    Layer found(is_transposed ? columns : rows, is_transposed ? rows : columns);
    const auto values = weight.data<float>(), offsets = bias.data<float>();
    if (offsets.size() != found.bias.size()) {
      throw Error(where_, fmt::format("{}.bias has {} elements", name, offsets.size()),
                  std::to_string(found.out));
    }
    found.weight = is_transposed ? transposed(values, rows, columns)
                                 : std::vector<float>(values.begin(), values.end());
    found.bias.assign(offsets.begin(), offsets.end());
    return found;
  }

  std::map<std::string, Tensor> left_;
  std::string where_;
};

Network read_network(Reader& reader, const std::string& prefix) {
  Network network;
  network.trunk = reader.layers(prefix, trunk_names(reader.has(prefix + "gc1.weight")));
  if (reader.has(prefix + "fc_hw1.weight")) {
    network.device = reader.layers(prefix, device_names());
  }
  network.head = reader.layers(prefix, head_names());
  return network;
}

/// Each layer takes what the one before gives.
void check_chain(const Network& network, const std::string& where) {
  const auto follow = [&](const std::vector<Layer>& layers, int64_t width) {
    for (const Layer& layer : layers) {
      if (layer.in != width) {
        throw Error(where, fmt::format("a layer takes {} numbers", layer.in),
                    std::to_string(width));
      }
      width = layer.out;
    }
    return width;
  };
  int64_t joined = follow(network.trunk, network.trunk.front().in);
  if (!network.device.empty()) joined += follow(network.device, network.device.front().in);
  if (follow(network.head, joined) != 1 || network.head[0].out != joined ||
      network.head[1].out != joined) {
    throw Error(where, "the head's layers differ in width", std::to_string(joined));
  }
}

void check_modulator(const Predictor& predictor, const std::string& where) {
  if (predictor.modulator.empty()) return;
  const Layer &first = predictor.modulator[0], &last = predictor.modulator[1];
  const int64_t size = 2 * modulation_size(predictor.network.head.front().in);
  const bool fits =
      last.in == first.out && last.out == size &&
      (predictor.network.device.empty() || predictor.network.device.front().in == first.in);
  if (!fits) throw Error(where, "the modulator doesn't fit the head and the embedding");
}

void write_layers(const std::string& prefix, const std::vector<Name>& names,
                  const std::vector<Layer>& layers, std::map<std::string, Tensor>& all) {
  for (size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    const bool turned = names[i].transposed;
    all[prefix + names[i].text + ".weight"] =
        turned ? Tensor::from({layer.in, layer.out}, transposed(layer.weight, layer.out, layer.in))
               : Tensor::from({layer.out, layer.in}, layer.weight);
    all[prefix + names[i].text + ".bias"] = Tensor::from({layer.out}, layer.bias);
  }
}

void write_network(const std::string& prefix, const Network& network,
                   std::map<std::string, Tensor>& all) {
  write_layers(prefix, trunk_names(network.trunk.size() == trunk_names(true).size()), network.trunk,
               all);
  write_layers(prefix, device_names(), network.device, all);
  write_layers(prefix, head_names(), network.head, all);
}

}  // namespace

int64_t Predictor::references() const {
  if (!network.device.empty()) return network.device.front().in;
  return modulator.empty() ? 0 : modulator.front().in;
}

Predictor parse_predictor(const std::map<std::string, Tensor>& tensors, const std::string& where) {
  Reader reader(tensors, where);
  Predictor found;
  found.network = read_network(reader, network_prefix);
  check_chain(found.network, where);
  if (reader.has(std::string(steps_prefix) + "fc5.weight")) {
    found.steps = read_network(reader, steps_prefix);
    const auto steps = found.steps->layers(), weights = found.network.layers();
    bool fits = steps.size() == weights.size();
    for (size_t i = 0; fits && i < steps.size(); ++i) {
      fits = steps[i]->in == weights[i]->in && steps[i]->out == weights[i]->out;
    }
    if (!fits) throw Error(where, "the step sizes haven't the weights' shapes");
  }
  if (reader.has(std::string(modulator_prefix) + "0.weight")) {
    found.modulator = reader.layers(modulator_prefix, modulator_names());
  }
  check_modulator(found, where);
  reader.finish();
  return found;
}

std::map<std::string, Tensor> format_predictor(const Predictor& predictor) {
  std::map<std::string, Tensor> all;
  write_network(network_prefix, predictor.network, all);
  if (predictor.steps) write_network(steps_prefix, *predictor.steps, all);
  write_layers(modulator_prefix, modulator_names(), predictor.modulator, all);
  return all;
}

Predictor read_predictor(const std::string& path) {
  return parse_predictor(import::read_safetensors(path), path);
}

void write_predictor(const std::string& path, const Predictor& predictor,
                     const std::map<std::string, std::string>& metadata) {
  import::write_safetensors(path, format_predictor(predictor), metadata);
}

}  // namespace betimes::systems::help

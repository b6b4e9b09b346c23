#include "systems/hardware/help/train_model.h"

#include <fmt/format.h>
#include <torch/autograd.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::help {
namespace {

at::Tensor tensor_of(const std::vector<float>& values, at::IntArrayRef shape) {
  return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat).clone();
}

at::Tensor leaf(const std::vector<float>& values, at::IntArrayRef shape) {
  return tensor_of(values, shape).requires_grad_(true);
}

MetaModel::Weights leaves(const std::vector<const Layer*>& layers) {
  MetaModel::Weights found;
  for (const Layer* layer : layers) {
    found.push_back(leaf(layer->weight, {layer->out, layer->in}));
    found.push_back(leaf(layer->bias, {layer->out}));
  }
  return found;
}

std::vector<const Layer*> pointers(const std::vector<Layer>& layers) {
  std::vector<const Layer*> found;
  for (const Layer& layer : layers) found.push_back(&layer);
  return found;
}

void draw_uniform(std::vector<float>& values, double bound, Random& random) {
  for (float& value : values) value = static_cast<float>(random.uniform(-bound, bound));
}

void draw_layer(Layer& layer, Random& random) {
  const double bound = 1 / std::sqrt(static_cast<double>(layer.in));
  draw_uniform(layer.weight, bound, random);
  draw_uniform(layer.bias, bound, random);
}

Predictor drawn(const Method& method, const Tables& tables, uint64_t seed) {
  Random random(seed);
  const bool graph = tables.architectures.nodes > 1;
  const auto references = static_cast<int64_t>(tables.space.references.size());
  Predictor found;
  found.network =
      make_network(tables.architectures.width, graph, method.embedding ? references : 0);
  for (Layer* layer : found.network.layers()) draw_layer(*layer, random);
  if (graph) {
    for (Layer& layer : found.network.trunk) draw_uniform(layer.weight, 0.05, random);
  }
  if (method.learned_steps) {
    found.steps = found.network;
    for (Layer* layer : found.steps->layers()) {
      std::fill(layer->weight.begin(), layer->weight.end(), found.step);
      std::fill(layer->bias.begin(), layer->bias.end(), found.step);
    }
  }
  if (method.modulator) {
    constexpr int64_t hidden = 10;
    found.modulator.emplace_back(hidden, references);
    found.modulator.emplace_back(2 * modulation_size(found.network.head.front().in), hidden);
    for (Layer& layer : found.modulator) draw_layer(layer, random);
  }
  return found;
}

void copy_values(const at::Tensor& from, std::vector<float>& to) {
  const at::Tensor values = from.detach().contiguous();
  const float* data = values.data_ptr<float>();
  std::copy(data, data + to.size(), to.begin());
}

}  // namespace

std::vector<Method> all_methods() {
  return {{"help", true, true, true},
          {"maml", false, false, false},
          {"meta-sgd", false, false, true},
          {"embedding-only", true, false, true},
          {"modulator-only", false, true, true}};
}

Method find_method(const std::string& name) {
  for (const Method& method : all_methods()) {
    if (method.name == name) return method;
  }
  throw Error("method", fmt::format("'{}' isn't known", name),
              "help, maml, meta-sgd, embedding-only or modulator-only");
}

Batch make_batch(const Tables& tables, const Device& device, const std::vector<size_t>& which) {
  const Encoded rows = tables.architectures.rows(which);
  const auto count = static_cast<int64_t>(which.size());
  Batch batch;
  batch.labels = tensor_of(gather(device.labels, which), {count});
  if (rows.nodes == 1) {
    batch.features = tensor_of(rows.features, {count, rows.width});
    return batch;
  }
  batch.features = tensor_of(rows.node_major(), {rows.nodes, count, rows.width});
  batch.adjacency = tensor_of(rows.adjacency, {rows.nodes, rows.nodes});
  return batch;
}

at::Tensor embedding_tensor(const Device& device) {
  return tensor_of(device.embedding, {1, static_cast<int64_t>(device.embedding.size())});
}

MetaModel::MetaModel(const Method& method, const Tables& tables, uint64_t seed)
    : shape_(drawn(method, tables, seed)) {
  const Predictor& made = shape_;
  weights_ = leaves(made.network.layers());
  if (made.steps) steps_ = leaves(std::as_const(*made.steps).layers());
  modulator_ = leaves(pointers(made.modulator));
}

std::vector<at::Tensor> MetaModel::parameters() const {
  std::vector<at::Tensor> all = weights_;
  all.insert(all.end(), steps_.begin(), steps_.end());
  all.insert(all.end(), modulator_.begin(), modulator_.end());
  return all;
}

int64_t MetaModel::noise_size() const {
  return modulates() ? modulation_size(shape_.network.head.front().in) : 0;
}

at::Tensor MetaModel::predict(const Weights& weights, const Batch& batch,
                              const at::Tensor& embedding) const {
  size_t at = 0;
  const auto affine = [&](const at::Tensor& x) {
    at += 2;
    return at::linear(x, weights[at - 2], weights[at - 1]);
  };
  at::Tensor x = batch.features;
  for (size_t i = 0; i < shape_.network.trunk.size(); ++i) {
    if (batch.adjacency.defined()) {
      const bool last = i + 1 == shape_.network.trunk.size();  // only the global node is read
      const at::Tensor reads = last ? batch.adjacency.slice(0, -1) : batch.adjacency;
      x = reads.mm(x.reshape({x.size(0), -1})).reshape({reads.size(0), x.size(1), x.size(2)});
      if (last) x = x.squeeze(0);
    }
    x = affine(x).relu();
  }
  if (!shape_.network.device.empty()) {
    at::Tensor device = embedding;
    for (size_t i = 0; i < shape_.network.device.size(); ++i) device = affine(device).relu();
    x = at::cat({x, device.expand({x.size(0), -1})}, 1);
  }
  x = affine(x).relu();
  x = affine(x).relu();
  return affine(x).squeeze(1);
}

MetaModel::Begin MetaModel::begin(const at::Tensor& embedding, const at::Tensor& noise) const {
  Begin found{weights_, {}};
  if (!modulates()) return found;
  const int64_t width = shape_.network.head.front().in, size = noise_size();
  const at::Tensor hidden = at::linear(embedding, modulator_[0], modulator_[1]).relu();
  const at::Tensor statistics = at::linear(hidden, modulator_[2], modulator_[3]).squeeze(0);
  const at::Tensor mu = statistics.slice(0, 0, size);
  const at::Tensor sigma = at::softplus(statistics.slice(0, size));
  const at::Tensor z = mu + sigma * noise;
  found.divergence = 0.5 * (sigma.square() + mu.square() - 1 - 2 * sigma.log()).sum();
  const size_t first = weights_.size() - 2 * modulated_layers;
  for (int64_t j = 0; j < modulated_layers; ++j) {
    at::Tensor& weight = found.weights[first + static_cast<size_t>(2 * j)];
    at::Tensor& bias = found.weights[first + static_cast<size_t>(2 * j + 1)];
    weight = weight * (1 + modulation_scale * z.slice(0, j * width, (j + 1) * width));
    bias = bias + modulation_scale * z[modulated_layers * width + j];
  }
  return found;
}

MetaModel::Weights MetaModel::adapt(Weights weights, const Batch& batch,
                                    const at::Tensor& embedding, int steps,
                                    bool second_order) const {
  for (int i = 0; i < steps; ++i) {
    const at::Tensor loss = (predict(weights, batch, embedding) - batch.labels).square().mean();
    const auto gradient =
        torch::autograd::grad({loss}, weights, {}, /*retain_graph=*/second_order, second_order);
    for (size_t j = 0; j < weights.size(); ++j) {
      weights[j] = steps_.empty() ? weights[j].sub(gradient[j], shape_.step)
                                  : at::addcmul(weights[j], steps_[j], gradient[j], -1);
    }
  }
  return weights;
}

template <class Visit>
void MetaModel::each(Predictor& predictor, const Visit& visit) const {
  const auto part = [&](const Weights& tensors, const std::vector<Layer*>& layers) {
    for (size_t i = 0; i < layers.size(); ++i) {
      visit(tensors[2 * i], layers[i]->weight);
      visit(tensors[2 * i + 1], layers[i]->bias);
    }
  };
  part(weights_, predictor.network.layers());
  if (predictor.steps) part(steps_, predictor.steps->layers());
  std::vector<Layer*> modulator;
  for (Layer& layer : predictor.modulator) modulator.push_back(&layer);
  part(modulator_, modulator);
}

Predictor MetaModel::predictor() const {
  Predictor found = shape_;
  each(found, copy_values);
  return found;
}

void MetaModel::load(const Predictor& predictor) {
  const auto sizes = [](const Predictor& of) {
    std::vector<size_t> found;
    for (const auto& [name, tensor] : format_predictor(of)) {
      found.push_back(static_cast<size_t>(tensor.size()));
    }
    return found;
  };
  if (sizes(predictor) != sizes(shape_)) {
    throw Error("predictor", "is of another method or space");
  }
  const at::NoGradGuard no_gradient;
  Predictor copy = predictor;
  each(copy, [](const at::Tensor& to, const std::vector<float>& from) {
    to.detach().copy_(tensor_of(from, to.sizes()));
  });
}

}  // namespace betimes::systems::help

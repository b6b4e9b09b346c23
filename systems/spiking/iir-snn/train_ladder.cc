#include "systems/spiking/iir-snn/train_ladder.h"

#include <torch/nn/functional.h>
#include <torch/optim/adam.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "systems/spiking/common/train_neurons.h"
#include "systems/spiking/common/train_tensors.h"
#include "systems/spiking/iir-snn/iir_task.h"
#include "systems/spiking/iir-snn/train_dnn.h"

namespace betimes::systems::iir_snn {
namespace {

constexpr double percentile = 0.9, silent_threshold = 0.1, least_threshold = 1e-3;

at::Tensor scalar_parameter(double value) {
  return at::full({}, value, at::kFloat).requires_grad_();
}

/// The 90th percentile of a step's currents, from at most so many of them.
double high_current(const at::Tensor& currents) {
  constexpr int64_t most = 400'000;
  const at::Tensor flat = currents.contiguous().flatten();
  const int64_t stride = flat.numel() / most + 1;
  std::vector<float> values;
  const float* from = flat.data_ptr<float>();
  for (int64_t i = 0; i < flat.numel(); i += stride) values.push_back(from[i]);
  const auto at = values.begin() +
                  static_cast<std::ptrdiff_t>(percentile * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return double{*at};
}

}  // namespace

SpikingParameters::SpikingParameters(const Net& net) : height_(net.height), width_(net.width) {
  check(net);
  for (const Layer& layer : net.layers) {
    layers_.push_back({spiking::to_torch(layer.weight).requires_grad_(),
                       spiking::to_torch(layer.bias).requires_grad_(),
                       scalar_parameter(double{layer.threshold}),
                       scalar_parameter(double{layer.leak}), layer.pooled});
  }
}

at::Tensor SpikingParameters::apply(const Trained& layer, const at::Tensor& x) const {
  if (layer.weight.dim() == 2) return at::linear(x.flatten(1), layer.weight, layer.bias);
  return layer.pooled ? at::conv2d(x, pooled_weight(layer.weight), layer.bias, 2, 1)
                      : at::conv2d(x, layer.weight, layer.bias, 1, 1);
}

at::Tensor SpikingParameters::first_currents(const at::Tensor& images, int64_t time_steps) const {
  const at::Tensor once = apply(layers_[0], images).unsqueeze(0);
  std::vector<int64_t> repeated(static_cast<size_t>(once.dim()), -1);
  repeated[0] = time_steps;
  return once.expand(repeated);
}

/// All steps at once: the nets feed forward.
at::Tensor SpikingParameters::next_currents(const at::Tensor& currents, size_t index,
                                            double dropout) const {
  at::Tensor spikes =
      spiking::soft_reset_spikes(currents, layers_[index].threshold, layers_[index].leak);
  if (dropout > 0) spikes = spikes * at::dropout(at::ones_like(spikes[0]), dropout, true);
  const at::Tensor next = apply(layers_[index + 1], spikes.flatten(0, 1));
  std::vector<int64_t> shape = next.sizes().vec();
  shape[0] = currents.size(1);
  shape.insert(shape.begin(), currents.size(0));
  return next.view(shape);
}

at::Tensor SpikingParameters::logits(const at::Tensor& images, int64_t time_steps,
                                     double dropout) const {
  at::Tensor x = first_currents(images, time_steps);
  for (size_t i = 0; i + 1 < layers_.size(); ++i) x = next_currents(x, i, dropout);
  return x.sum(0);
}

std::vector<at::Tensor> SpikingParameters::parameters(int64_t time_steps) const {
  std::vector<at::Tensor> all;
  for (const Trained& layer : layers_) {
    all.insert(all.end(), {layer.weight, layer.bias});
    if (&layer == &layers_.back()) break;  // no neurons follow
    all.push_back(layer.threshold);
    if (time_steps > 1) all.push_back(layer.leak);
  }
  return all;
}

void SpikingParameters::clamp() {
  torch::NoGradGuard no_gradient;
  for (Trained& layer : layers_) {
    layer.threshold.clamp_min_(least_threshold);
    layer.leak.clamp_(0, 1);
  }
}

void SpikingParameters::set_threshold(size_t index, double threshold) {
  torch::NoGradGuard no_gradient;
  layers_[index].threshold.fill_(threshold);
}

Net SpikingParameters::net(int64_t time_steps) const {
  Net net;
  net.height = height_;
  net.width = width_;
  net.time_steps = time_steps;
  for (const Trained& layer : layers_) {
    net.layers.push_back({spiking::from_torch(layer.weight), spiking::from_torch(layer.bias),
                          layer.pooled, layer.threshold.item<float>(), layer.leak.item<float>()});
  }
  return net;
}

Net convert(const Net& relu, const at::Tensor& images, int64_t time_steps,
            const std::function<void(const std::string&)>& warn) {
  if (time_steps < 1) throw Error("conversion", "needs at least one time step");
  torch::NoGradGuard no_gradient;
  SpikingParameters spiking(relu);
  at::Tensor currents = spiking.first_currents(images, time_steps);
  for (size_t i = 0; i + 1 < spiking.layers(); ++i) {
    double threshold = 0;
    for (int64_t t = 0; t < time_steps; ++t) {
      threshold = std::max(threshold, high_current(currents[t]));
    }
    if (threshold <= 0 && warn) {
      warn("layer " + std::to_string(i) + " is silent after conversion; its threshold is 0.1");
    }
    spiking.set_threshold(i,
                          threshold > 0 ? std::max(threshold, least_threshold) : silent_threshold);
    currents = spiking.next_currents(currents, i, 0);
  }
  return spiking.net(time_steps);
}

Net train_spiking(const std::string& name, const Net& start, int64_t time_steps, int epochs,
                  const Training& training, const judge::Examples& validation,
                  const LadderOptions& options) {
  torch::manual_seed(training.seed);
  SpikingParameters spiking(start);
  torch::optim::Adam optimizer(spiking.parameters(time_steps),
                               torch::optim::AdamOptions(options.rate).amsgrad(true));
  Net best = start;
  best.time_steps = time_steps;
  double best_accuracy = accuracy(best, validation);
  Steps steps;
  steps.logits = [&](const at::Tensor& images) {
    return spiking.logits(images, time_steps, options.dropout);
  };
  steps.set_rate = [&](double rate) {
    for (auto& group : optimizer.param_groups()) {
      static_cast<torch::optim::AdamOptions&>(group.options()).lr(rate);
    }
  };
  steps.after_step = [&] { spiking.clamp(); };
  steps.validate = [&] {
    const Net net = spiking.net(time_steps);
    const double found = accuracy(net, validation);
    if (found > best_accuracy) {
      best_accuracy = found;
      best = net;
    }
    return found;
  };
  train_epochs(name, optimizer, {epochs, options.rate, {0.6, 0.8, 0.9}, 64}, training, steps);
  return best;
}

void check_ladder(const std::vector<int64_t>& time_steps) {
  if (time_steps.empty() || time_steps.back() < 1) {
    throw Error("ladder", "has no stage, or one of no steps", "5,3,2,1");
  }
  for (size_t i = 1; i < time_steps.size(); ++i) {
    if (time_steps[i] >= time_steps[i - 1]) {
      throw Error("ladder", "doesn't go down at its stage " + std::to_string(i), "5,3,2,1");
    }
  }
}

}  // namespace betimes::systems::iir_snn

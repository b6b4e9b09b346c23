#include "systems/spiking/snn-delays/train_delays.h"

#include <fmt/format.h>
#include <torch/nn/functional/loss.h>
#include <torch/optim/adam.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"
#include "systems/spiking/common/train_neurons.h"
#include "systems/spiking/common/train_tensors.h"
#include "systems/spiking/snn-delays/delay_stream.h"

namespace betimes::systems::snn_delays {
namespace {

constexpr double least_width = 0.27;
constexpr int64_t calibration = 500;  // examples

at::Tensor taps_of(int64_t taps) { return at::arange(taps, at::kFloat) - taps / 2; }

void set_rate(torch::optim::Adam& adam, double rate) {
  for (auto& group : adam.param_groups()) {
    static_cast<torch::optim::AdamOptions&>(group.options()).lr(rate);
  }
}

/// Accuracy of the module itself at some sigma.
double module_accuracy(DelayModule& module, const SpikeTrains& trains, double sigma) {
  torch::NoGradGuard no_gradient;
  module->eval();
  const at::Tensor counts = as_tensor(trains), labels = at::tensor(trains.labels);
  double right = 0;
  for (int64_t i = 0; i < trains.size(); i += 200) {
    const int64_t end = std::min(trains.size(), i + 200);
    const at::Tensor mass = module->forward(counts.slice(0, i, end), sigma);
    right += mass.argmax(1).eq(labels.slice(0, i, end)).sum().item<double>();
  }
  return right / static_cast<double>(trains.size());
}

struct Optimizers {
  torch::optim::Adam weights;
  std::unique_ptr<torch::optim::Adam> positions;

  explicit Optimizers(DelayModule& module) : weights(groups(module)) {
    const auto moving = module->positions();
    if (moving.empty()) return;
    positions = std::make_unique<torch::optim::Adam>(moving, torch::optim::AdamOptions(0.1));
  }
  static std::vector<torch::optim::OptimizerParamGroup> groups(DelayModule& module) {
    std::vector<torch::optim::OptimizerParamGroup> all;
    all.emplace_back(module->weights(), std::make_unique<torch::optim::AdamOptions>(
                                            torch::optim::AdamOptions(1e-3).weight_decay(1e-5)));
    all.emplace_back(module->norm_parameters(), std::make_unique<torch::optim::AdamOptions>(1e-3));
    return all;
  }
  void step() {
    weights.step();
    if (positions) positions->step();
  }
  void zero_grad() {
    weights.zero_grad();
    if (positions) positions->zero_grad();
  }
  void set_rates(double done) {
    set_rate(weights, one_cycle(done, 1e-3, 5e-3));
    if (positions) {
      set_rate(*positions, 0.1 * (1 + std::cos(std::numbers::pi * done)) / 2);
    }
  }
};

/// The mean loss of an epoch; `rates` receives the share of neurons that fire in a bin, by layer.
double train_epoch(DelayModule& module, Optimizers& optimizers, const at::Tensor& counts,
                   const at::Tensor& labels, int64_t batch, double sigma,
                   std::vector<double>& rates) {
  module->train();
  const at::Tensor order = at::randperm(counts.size(0), at::kLong);
  const int64_t batches = counts.size(0) / batch;
  double sum = 0;
  for (int64_t i = 0; i < batches; ++i) {
    const at::Tensor chosen = order.slice(0, i * batch, (i + 1) * batch);
    std::vector<at::Tensor> spikes;
    optimizers.zero_grad();
    const at::Tensor mass = module->forward(counts.index_select(0, chosen), sigma, &spikes);
    // The sums of softmaxes are the logits of another one, as the paper has it.
    const at::Tensor loss =
        torch::nn::functional::cross_entropy(mass, labels.index_select(0, chosen));
    loss.backward();
    optimizers.step();
    module->clamp_positions();
    sum += loss.item<double>();
    rates.assign(spikes.size(), 0);
    for (size_t l = 0; l < spikes.size(); ++l) rates[l] = spikes[l].detach().mean().item<double>();
  }
  return sum / static_cast<double>(batches);
}

}  // namespace

double one_cycle(double done, double low, double high) {
  const auto cosine = [](double from, double to, double share) {
    return to + (from - to) * (1 + std::cos(std::numbers::pi * share)) / 2;
  };
  return done < 0.3 ? cosine(low, high, done / 0.3) : cosine(high, low / 100, (done - 0.3) / 0.7);
}

at::Tensor gaussian_kernel(const at::Tensor& weight, const at::Tensor& position, int64_t taps,
                           double sigma) {
  const at::Tensor distance = (taps_of(taps) - position.unsqueeze(2)) / (sigma + least_width);
  const at::Tensor bump = (-0.5 * distance * distance).exp();
  return weight.unsqueeze(2) * bump / (bump.sum(2, true) + 1e-7);
}

at::Tensor rounded_kernel(const at::Tensor& weight, const at::Tensor& position, int64_t taps) {
  const at::Tensor at_tap =
      position.unsqueeze(2).round().clamp(-(taps / 2), taps / 2).eq(taps_of(taps));
  return weight.unsqueeze(2) * at_tap.to(at::kFloat);
}

DelayModuleImpl::DelayModuleImpl(const DelayOptions& options, int64_t channels, int64_t classes)
    : options_(options), leak_(1 - 1 / options.tau) {
  if (!(options.tau > 1)) throw Error("tau", "is at most one bin", "more than 1");
  if (options.delays == Delays::none) options_.kernel = 1;
  if (options_.kernel % 2 == 0) ++options_.kernel;
  int64_t in = channels;
  for (int i = 0; i <= options.hidden_layers; ++i) {
    const bool last = i == options.hidden_layers;
    const int64_t out = last ? classes : options.hidden;
    const std::string index = std::to_string(i);
    const double bound = std::sqrt(6.0 / static_cast<double>(in));
    weights_.push_back(register_parameter("weight" + index, (at::rand({out, in}) * 2 - 1) * bound));
    const double reach = static_cast<double>(options_.kernel / 2);
    at::Tensor position = (at::rand({out, in}) * 2 - 1) * reach;
    if (options.delays == Delays::learned) {
      position = register_parameter("position" + index, position);
      positions_.push_back(position);
    } else {
      position = register_buffer("position" + index, position.round());
    }
    all_positions_.push_back(position);
    if (!last) {
      norms_.push_back(register_module("norm" + index, torch::nn::BatchNorm1d(out)));
    }
    in = out;
  }
}

at::Tensor DelayModuleImpl::currents(size_t layer, const at::Tensor& x, double sigma) const {
  const int64_t taps = options_.kernel;
  const at::Tensor &weight = weights_[layer], &position = all_positions_[layer];
  // Delays that don't move are where they are at every sigma.
  const bool spread = sigma >= 0 && options_.delays == Delays::learned;
  const at::Tensor kernel = spread ? gaussian_kernel(weight, position, taps, sigma)
                                   : rounded_kernel(weight, position, taps);
  return at::conv1d(at::constant_pad_nd(x, {taps - 1, (taps - 1) / 2}), kernel);
}

at::Tensor DelayModuleImpl::forward(const at::Tensor& counts, double sigma,
                                    std::vector<at::Tensor>* spikes) {
  at::Tensor x = counts;  // [B, neurons, T]
  for (size_t i = 0; i < norms_.size(); ++i) {
    const at::Tensor current = currents(i, x, sigma).permute({2, 0, 1}).contiguous();
    const at::Tensor normed = norms_[i](current.flatten(0, 1)).view(current.sizes());
    at::Tensor fired = spiking::hard_reset_spikes(normed, leak_);
    if (spikes) spikes->push_back(fired);
    if (is_training() && options_.dropout > 0) {
      fired = fired * at::dropout(at::ones_like(fired[0]), options_.dropout, true);
    }
    x = fired.permute({1, 2, 0});
  }
  const at::Tensor current = currents(norms_.size(), x, sigma).permute({2, 0, 1}).contiguous();
  return spiking::leaky_sums(current, leak_).softmax(2).sum(0);
}

void DelayModuleImpl::clamp_positions() {
  torch::NoGradGuard no_gradient;
  const double reach = static_cast<double>(options_.kernel / 2);
  for (at::Tensor& position : positions_) position.clamp_(-reach, reach);
}

std::vector<at::Tensor> DelayModuleImpl::norm_parameters() const {
  std::vector<at::Tensor> all;
  for (const auto& norm : norms_) all.insert(all.end(), {norm->weight, norm->bias});
  return all;
}

Net DelayModuleImpl::served(const at::Tensor& counts) {
  torch::NoGradGuard no_gradient;
  std::vector<at::Tensor> gathered;
  for (auto& norm : norms_) {
    gathered.insert(gathered.end(), {norm->running_mean.clone(), norm->running_var.clone()});
    norm->options.momentum(1);  // this one batch alone
  }
  const double dropout = options_.dropout;
  options_.dropout = 0;
  train();
  forward(counts, -1);
  options_.dropout = dropout;
  const Net net = folded();
  for (size_t i = 0; i < norms_.size(); ++i) {
    norms_[i]->running_mean.copy_(gathered[2 * i]);
    norms_[i]->running_var.copy_(gathered[2 * i + 1]);
    norms_[i]->options.momentum(0.1);
  }
  return net;
}

Net DelayModuleImpl::folded() {
  Net net;
  net.kernel = options_.kernel;
  net.leak = static_cast<float>(leak_);
  const int64_t reach = net.kernel / 2;
  for (size_t i = 0; i < weights_.size(); ++i) {
    at::Tensor weight = weights_[i], shift = at::zeros({weight.size(0)});
    if (i < norms_.size()) {
      const auto& norm = norms_[i];
      const at::Tensor scale = norm->weight / (norm->running_var + norm->options.eps()).sqrt();
      weight = weight * scale.unsqueeze(1);
      shift = norm->bias - scale * norm->running_mean;
    }
    const at::Tensor delays = (reach - all_positions_[i].round().clamp(-reach, reach)).contiguous();
    Tensor bytes(DType::u8, {delays.size(0), delays.size(1)});
    std::transform(delays.data_ptr<float>(), delays.data_ptr<float>() + delays.numel(),
                   bytes.mutable_data<uint8_t>().begin(),
                   [](float delay) { return static_cast<uint8_t>(delay); });
    net.layers.push_back({spiking::from_torch(weight), bytes, spiking::from_torch(shift)});
  }
  return net;
}

at::Tensor as_tensor(const SpikeTrains& trains) {
  at::Tensor all = at::empty({trains.size(), trains.bins, trains.channels}, at::kFloat);
  std::ranges::copy(trains.counts, all.data_ptr<float>());
  return all.permute({0, 2, 1}).contiguous();
}

std::vector<double> served_hits(const Net& net, const SpikeTrains& trains) {
  DelayStream stream(net, Path::events);
  std::vector<double> hits;
  for (int64_t i = 0; i < trains.size(); ++i) {
    const Reading found = listen(stream, trains, i, 1);
    hits.push_back(found.best == trains.labels[static_cast<size_t>(i)] ? 1 : 0);
  }
  return hits;
}

double served_accuracy(const Net& net, const SpikeTrains& trains) {
  return mean(served_hits(net, trains));
}

Trained train_delays(const std::string& name, const DelayOptions& options,
                     const DelayTraining& training, const Splits& data) {
  if (training.epochs < 1 || data.train.size() < training.batch) {
    throw Error("training", "needs at least one epoch and one batch of examples");
  }
  torch::manual_seed(training.seed);
  DelayModule module(options, data.train.channels, data.train.classes);
  Optimizers optimizers(module);
  const at::Tensor counts = as_tensor(data.train), labels = at::tensor(data.train.labels);
  double sigma = options.sigma_first >= 0 ? options.sigma_first
                                          : std::floor(static_cast<double>(options.kernel) / 2);
  sigma = std::max(sigma, options.sigma_last);
  const double annealing = std::max(1.0, training.epochs / 4.0);
  const double factor = std::pow(options.sigma_last / sigma, 1 / annealing);
  Trained best;
  best.validation = -1;
  for (int epoch = 1; epoch <= training.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    optimizers.set_rates(static_cast<double>(epoch - 1) / training.epochs);
    std::vector<double> rates;
    const double loss =
        train_epoch(module, optimizers, counts, labels, training.batch, sigma, rates);
    if (!std::isfinite(loss)) throw Error("training", name + " diverged", "a lower rate");
    const Net net = module->served(counts.slice(0, 0, calibration));
    const double validation = served_accuracy(net, data.validation);
    // While the Gaussians are wide the rounded net is another one: chance must not choose it.
    const bool narrow = sigma <= options.sigma_last * 1.001;
    if (validation > best.validation && (narrow || epoch == training.epochs)) {
      best = {net, validation, module_accuracy(module, data.test, sigma)};
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (training.line) {
      const auto quietest = rates.empty() ? 1.0 : *std::ranges::min_element(rates);
      training.line(fmt::format(
          "seed {}  {:<18} epoch {:>2}/{}  sigma {:.2f}  loss {:.4f}  validation {:.4f}  {:.1f} "
          "s{}",
          training.seed, name, epoch, training.epochs, sigma, loss, validation, took.count(),
          quietest < 0.005 ? "  (a layer fires in less than 0.5 % of bins)" : ""));
    }
    sigma = std::max(sigma * factor, options.sigma_last);
  }
  return best;
}

}  // namespace betimes::systems::snn_delays

#include "systems/spiking/snn-delays/train_recurrent.h"

#include <fmt/format.h>
#include <torch/nn.h>
#include <torch/optim/adam.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "betimes/base/error.h"
#include "systems/spiking/common/train_neurons.h"

namespace betimes::systems::snn_delays {
namespace {

class RecurrentNetImpl : public torch::nn::Module {
 public:
  RecurrentNetImpl(Recurrent kind, int64_t channels, int64_t hidden, int64_t classes, double tau)
      : hidden_(hidden), leak_(1 - 1 / tau) {
    if (kind == Recurrent::gru) {
      const auto options = torch::nn::GRUOptions(channels, hidden).batch_first(true);
      gru_ = register_module("gru", torch::nn::GRU(options));
    } else {
      in_ = register_module("in", torch::nn::Linear(channels, hidden));
      back_ = register_module("back", torch::nn::Linear(hidden, hidden));
    }
    out_ = register_module("out", torch::nn::Linear(hidden, classes));
  }

  /// counts [B, channels, T] -> logits.
  at::Tensor forward(const at::Tensor& counts) {
    const at::Tensor x = counts.permute({0, 2, 1});
    if (gru_) return out_(std::get<0>(gru_(x)).mean(1));
    const at::Tensor currents = in_(x).permute({1, 0, 2});
    at::Tensor membrane = at::zeros({counts.size(0), hidden_}), spikes = membrane;
    std::vector<at::Tensor> all;
    for (int64_t t = 0; t < currents.size(0); ++t) {
      const at::Tensor v = leak_ * membrane + currents[t] + back_(spikes);
      spikes = spiking::hard_reset_spikes(v.unsqueeze(0), 0).squeeze(0);
      membrane = v * (1 - spikes.detach());
      all.push_back(spikes);
    }
    return spiking::leaky_sums(out_(at::stack(all)), leak_).softmax(2).sum(0);
  }

 private:
  int64_t hidden_;
  double leak_;
  torch::nn::GRU gru_{nullptr};
  torch::nn::Linear in_{nullptr}, back_{nullptr}, out_{nullptr};
};
TORCH_MODULE(RecurrentNet);

double accuracy(RecurrentNet& net, const at::Tensor& counts, const at::Tensor& labels) {
  torch::NoGradGuard no_gradient;
  return net->forward(counts).argmax(1).eq(labels).to(at::kFloat).mean().item<double>();
}

}  // namespace

RecurrentResult train_recurrent(const std::string& name, Recurrent kind, int64_t hidden, double tau,
                                const DelayTraining& training, const Splits& data) {
  if (!(tau > 1)) throw Error("tau", "is at most one bin", "more than 1");
  torch::manual_seed(training.seed);
  RecurrentNet net(kind, data.train.channels, hidden, data.train.classes, tau);
  torch::optim::Adam adam(net->parameters(), torch::optim::AdamOptions(1e-3));
  const at::Tensor counts = as_tensor(data.train), labels = at::tensor(data.train.labels);
  const at::Tensor validation = as_tensor(data.validation), test = as_tensor(data.test);
  RecurrentResult result;
  for (const at::Tensor& each : net->parameters()) {
    result.parameters += static_cast<double>(each.numel());
  }
  double best = -1;
  for (int epoch = 1; epoch <= training.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    const double done = static_cast<double>(epoch - 1) / training.epochs;
    for (auto& group : adam.param_groups()) {
      static_cast<torch::optim::AdamOptions&>(group.options()).lr(one_cycle(done, 1e-3, 5e-3));
    }
    const at::Tensor order = at::randperm(counts.size(0), at::kLong);
    for (int64_t i = 0; i + training.batch <= counts.size(0); i += training.batch) {
      const at::Tensor chosen = order.slice(0, i, i + training.batch);
      adam.zero_grad();
      torch::nn::functional::cross_entropy(net->forward(counts.index_select(0, chosen)),
                                           labels.index_select(0, chosen))
          .backward();
      adam.step();
    }
    const double found = accuracy(net, validation, at::tensor(data.validation.labels));
    if (found > best) {
      best = found;
      result.test = accuracy(net, test, at::tensor(data.test.labels));
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (training.line) {
      training.line(fmt::format("seed {}  {:<18} epoch {:>2}/{}  validation {:.4f}  {:.1f} s",
                                training.seed, name, epoch, training.epochs, found, took.count()));
    }
  }
  return result;
}

}  // namespace betimes::systems::snn_delays

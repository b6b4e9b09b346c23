#pragma once

#include <torch/nn.h>

#include <functional>
#include <string>
#include <vector>

#include "systems/spiking/snn-delays/delay_net.h"
#include "systems/spiking/snn-delays/spike_trains.h"

namespace betimes::systems::snn_delays {

/// Kernels [out, in, taps] from weights and positions [out, in], positions 0 in the middle
/// (Khalfaoui-Hassani et al., Dilated Convolution with Learnable Spacings, ICLR 2023, with the
/// Gaussian of Hammouamri et al., ICLR 2024): tap n is weight * g_n / (sum of g + 1e-7) with
/// g_n = exp(-((n - position - taps / 2) / s)^2 / 2), s = sigma + 0.27.
at::Tensor gaussian_kernel(const at::Tensor& weight, const at::Tensor& position, int64_t taps,
                           double sigma);
/// One tap each, at the rounded position.
at::Tensor rounded_kernel(const at::Tensor& weight, const at::Tensor& position, int64_t taps);

enum class Delays { none, random, learned };

struct DelayOptions {
  Delays delays = Delays::learned;
  int64_t kernel = 25;  // made 1 where there are no delays
  int64_t hidden = 64;
  int hidden_layers = 2;
  double tau = 1.005;  // bins, > 1
  double dropout = 0.25;
  double sigma_first = -1;  // -1: half the kernel; annealed over a quarter of the epochs to
  double sigma_last = 0.23;
};

/// The net while it learns. Dropout masks hold for all bins.
class DelayModuleImpl : public torch::nn::Module {
 public:
  DelayModuleImpl(const DelayOptions& options, int64_t channels, int64_t classes);

  /// counts [B, channels, T] -> sums over bins of the readout's softmax, [B, classes]. sigma < 0:
  /// rounded positions. `spikes`, unless null, receives the hidden layers' [T, B, neurons].
  at::Tensor forward(const at::Tensor& counts, double sigma,
                     std::vector<at::Tensor>* spikes = nullptr);
  void clamp_positions();
  std::vector<at::Tensor> weights() const { return weights_; }
  std::vector<at::Tensor> positions() const { return positions_; }  // none where they don't learn
  std::vector<at::Tensor> norm_parameters() const;
  /// With rounded delays and batch norm folded in. Norms take their means and variances from
  /// `counts` with rounded delays (what they gathered while positions were Gaussians is kept for
  /// going on): a rounded synapse hands on more of its weight than one spread over two bins.
  Net served(const at::Tensor& counts);

 private:
  Net folded();
  at::Tensor currents(size_t layer, const at::Tensor& x, double sigma) const;

  DelayOptions options_;
  double leak_;
  std::vector<at::Tensor> weights_, positions_, all_positions_;
  std::vector<torch::nn::BatchNorm1d> norms_;
};
TORCH_MODULE(DelayModule);

struct DelayTraining {
  int epochs = 40;
  int64_t batch = 64;
  uint64_t seed = 1;
  std::function<void(const std::string&)> line;  // one line an epoch; may be empty
};

struct Trained {
  Net net;  // the epoch that validates best, rounded and served
  double validation = 0;
  double gaussian_test = 0;  // accuracy of that epoch's net with Gaussians, on the test data
};

/// Adam on weights and norms (1e-3 to 5e-3 in one cycle, decay 1e-5 on weights) and on positions
/// (0.1, cosine to 0). Warns by a line of a layer whose neurons hardly fire.
Trained train_delays(const std::string& name, const DelayOptions& options,
                     const DelayTraining& training, const Splits& data);

/// A rate at the share `done` of a run: from `low` up to `high` in the first three tenths, then
/// down to nearly nothing.
double one_cycle(double done, double low, double high);

/// Share of examples that the served net names right, heard to the end.
double served_accuracy(const Net& net, const SpikeTrains& trains);
/// 1 for each of them, else 0.
std::vector<double> served_hits(const Net& net, const SpikeTrains& trains);

/// All counts as [examples, channels, bins].
at::Tensor as_tensor(const SpikeTrains& trains);

}  // namespace betimes::systems::snn_delays

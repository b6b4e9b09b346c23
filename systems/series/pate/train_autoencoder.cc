#include "systems/series/pate/train_autoencoder.h"

#include <torch/nn.h>
#include <torch/optim.h>

#include <algorithm>
#include <string>
#include <vector>

#include "betimes/base/random.h"
#include "systems/series/common/windows.h"

namespace betimes::systems::pate {
namespace {

constexpr int64_t batch = 128;
constexpr double learning_rate = 2e-3;

struct Network : torch::nn::Module {
  Network(int64_t width, Random& random) {
    int64_t from = width;
    for (const int64_t to : {int64_t{32}, int64_t{8}, int64_t{32}, width}) {
      layers->push_back(torch::nn::Linear(from, to));
      if (to != width) layers->push_back(torch::nn::ReLU());
      from = to;
    }
    register_module("layers", layers);
    initialize(random);
  }

  torch::Tensor forward(const torch::Tensor& x) { return layers->forward(x); }

  torch::nn::Sequential layers;

 private:
  /// Uniform within 1 / sqrt(inputs), as LibTorch's own, but from our seed rather than its global
  /// generator.
  void initialize(Random& random) {
    const torch::NoGradGuard no_gradients;
    for (torch::Tensor& parameter : parameters()) {
      if (parameter.dim() == 2) scale_ = 1 / std::sqrt(static_cast<double>(parameter.size(1)));
      float* values = parameter.data_ptr<float>();
      for (int64_t i = 0; i < parameter.numel(); ++i) {
        values[i] = static_cast<float>(random.uniform(-scale_, scale_));
      }
    }
  }
  double scale_ = 0;
};

/// Sets LibTorch's threads and puts the number back.
class Threads {
 public:
  explicit Threads(int count) : before_(torch::get_num_threads()) { torch::set_num_threads(count); }
  ~Threads() { torch::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

void train(Network& network, const series::Windows& windows, int64_t steps, Random& random) {
  torch::optim::Adam optimizer(network.parameters(), torch::optim::AdamOptions(learning_rate));
  torch::Tensor input = torch::empty({batch, windows.width()});
  const auto width = static_cast<size_t>(windows.width());
  for (int64_t step = 0; step < steps; ++step) {
    for (int64_t i = 0; i < batch; ++i) {
      const auto window =
          static_cast<int64_t>(random.below(static_cast<uint64_t>(windows.count())));
      windows.copy(window, 1, {input.data_ptr<float>() + i * windows.width(), width});
    }
    optimizer.zero_grad();
    torch::mse_loss(network.forward(input), input).backward();
    optimizer.step();
  }
}

class Autoencoder : public judge::Detector {
 public:
  explicit Autoencoder(const AutoencoderOptions& options) : options_(options) {}
  std::string name() const override { return "auto-encoder"; }
  std::string summary() const override {
    return "windows unlike what a small neural network learns to repeat";
  }

  std::vector<double> scores(const judge::Series& series, uint64_t seed) const override {
    const series::Windows windows(series, options_.window);
    const Threads threads(options_.threads);
    Random random(seed);
    Network network(windows.width(), random);
    train(network, windows, options_.steps, random);

    const torch::NoGradGuard no_gradients;
    series::PointScores points(windows);
    constexpr int64_t block = 4096;
    for (int64_t first = 0; first < windows.count(); first += block) {
      const int64_t count = std::min(block, windows.count() - first);
      torch::Tensor input = torch::empty({count, windows.width()});
      windows.copy(first, count, {input.data_ptr<float>(), static_cast<size_t>(input.numel())});
      const torch::Tensor left = (network.forward(input) - input).contiguous();
      points.add(first, count, {left.data_ptr<float>(), static_cast<size_t>(left.numel())});
    }
    return points.scores();
  }

 private:
  AutoencoderOptions options_;
};

}  // namespace

std::unique_ptr<judge::Detector> autoencoder(const AutoencoderOptions& options) {
  return std::make_unique<Autoencoder>(options);
}

}  // namespace betimes::systems::pate

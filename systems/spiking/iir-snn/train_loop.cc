#include "systems/spiking/iir-snn/train_loop.h"

#include <fmt/format.h>
#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <random>

#include "betimes/base/error.h"
#include "betimes/learn/augment.h"

namespace betimes::systems::iir_snn {
namespace {

double rate_at(double done, const Schedule& schedule) {
  double rate = schedule.rate;
  for (const double drop : schedule.drops) rate /= done >= drop ? 5 : 1;
  return rate;
}

at::Tensor shuffled(int64_t count, std::mt19937_64& random) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::shuffle(order.begin(), order.end(), random);
  return at::tensor(order);
}

/// The mean loss of an epoch.
double train_epoch(int epoch, torch::optim::Optimizer& optimizer, const Schedule& schedule,
                   const Training& training, const Steps& steps) {
  std::seed_seq sequence{training.seed, static_cast<uint64_t>(epoch)};
  std::mt19937_64 random(sequence);
  const at::Tensor order = shuffled(training.images.size(), random);
  const int64_t batches = training.images.size() / schedule.batch;
  const learn::Augmentation augmentation{2, 0.5, 0, 0, 0};
  double sum = 0;
  for (int64_t i = 0; i < batches; ++i) {
    const double done = static_cast<double>((epoch - 1) * batches + i) /
                        static_cast<double>(schedule.epochs * batches);
    steps.set_rate(rate_at(done, schedule));
    const at::Tensor chosen = order.slice(0, i * schedule.batch, (i + 1) * schedule.batch);
    const at::Tensor images =
        learn::augmented_batch(training.images.images, chosen, augmentation, random);
    optimizer.zero_grad();
    const at::Tensor loss = torch::nn::functional::cross_entropy(
        steps.logits(images), training.images.labels.index_select(0, chosen));
    loss.backward();
    optimizer.step();
    if (steps.after_step) steps.after_step();
    sum += loss.item<double>();
  }
  return sum / static_cast<double>(batches);
}

}  // namespace

double train_epochs(const std::string& name, torch::optim::Optimizer& optimizer,
                    const Schedule& schedule, const Training& training, const Steps& steps) {
  if (schedule.epochs < 1 || training.images.size() < schedule.batch) {
    throw Error("training", "needs at least one epoch and one batch of images");
  }
  double best = 0;
  for (int epoch = 1; epoch <= schedule.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    const double loss = train_epoch(epoch, optimizer, schedule, training, steps);
    if (!std::isfinite(loss)) throw Error("training", name + " diverged", "a lower rate");
    const double validation = steps.validate();
    best = std::max(best, validation);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (!training.line) continue;
    training.line(
        fmt::format("seed {}  {:<24} epoch {:>2}/{}  loss {:.4f}  validation {:.4f}  {:.1f} s",
                    training.seed, name, epoch, schedule.epochs, loss, validation, took.count()));
  }
  return best;
}

}  // namespace betimes::systems::iir_snn

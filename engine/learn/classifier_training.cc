#include "betimes/learn/classifier_training.h"

#include <torch/optim/sgd.h>
#include <torch/serialize.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numbers>
#include <numeric>
#include <sstream>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::learn {
namespace {

using at::Tensor;  // here, not betimes::Tensor

// Linear up, cosine down to zero; `progress` in 0..1 over the whole run.
double rate_at(double progress, const ClassifierTraining& how) {
  if (progress < how.warm_up) return how.peak_rate * (0.05 + 0.95 * progress / how.warm_up);
  const double down = (progress - how.warm_up) / (1.0 - how.warm_up);
  return how.peak_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * down));
}

torch::optim::SGD make_optimizer(torch::nn::Module& model, const ClassifierTraining& how) {
  std::vector<Tensor> decayed, plain;
  for (const Tensor& parameter : model.parameters()) {
    (parameter.dim() > 1 ? decayed : plain).push_back(parameter);
  }
  const auto options =
      torch::optim::SGDOptions(how.peak_rate).momentum(how.momentum).nesterov(true);
  auto with_decay = std::make_unique<torch::optim::SGDOptions>(options);
  with_decay->weight_decay(how.weight_decay);
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(decayed, std::move(with_decay));
  groups.emplace_back(plain, std::make_unique<torch::optim::SGDOptions>(options));
  return torch::optim::SGD(std::move(groups), options);
}

void set_rate(torch::optim::SGD& optimizer, double rate) {
  for (auto& group : optimizer.param_groups()) {
    static_cast<torch::optim::SGDOptions&>(group.options()).lr(rate);
  }
}

void save_checkpoint(const std::filesystem::path& path, const torch::nn::Module& model,
                     const torch::optim::Optimizer& optimizer, int epoch) {
  torch::serialize::OutputArchive archive, weights, state;
  model.save(weights);
  optimizer.save(state);
  archive.write("model", weights);
  archive.write("optimizer", state);
  archive.write("epoch", torch::tensor(int64_t{epoch}), true);
  std::ostringstream bytes;
  archive.save_to(bytes);
  write_file(path.string(), bytes.view());
}

int restore(const std::filesystem::path& path, torch::nn::Module& model,
            torch::optim::Optimizer* optimizer) {
  try {
    torch::serialize::InputArchive archive, weights, state;
    archive.load_from(path.string());
    archive.read("model", weights);
    model.load(weights);
    if (optimizer) {
      archive.read("optimizer", state);
      optimizer->load(state);
    }
    Tensor epoch;
    archive.read("epoch", epoch, true);
    return static_cast<int>(epoch.item<int64_t>());
  } catch (const c10::Error& e) {
    const std::string message = e.what_without_backtrace();
    throw Error(path.string(),
                "isn't a checkpoint of this model: " + message.substr(0, message.find('\n')));
  }
}

// One pass over the training images; fills loss, accuracy and the last rate.
void train_epoch(torch::nn::AnyModule& model, torch::optim::SGD& optimizer, const ImageDataset& set,
                 const ClassifierTraining& how, EpochResult& result) {
  std::seed_seq sequence{how.seed, static_cast<uint64_t>(result.epoch)};
  std::mt19937_64 random(sequence);
  std::vector<int64_t> order(static_cast<size_t>(set.size()));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::shuffle(order.begin(), order.end(), random);
  const Tensor shuffled = torch::tensor(order);
  const auto loss_options =
      torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(how.label_smoothing);
  const int64_t steps = set.size() / how.batch;  // the incomplete last batch is left out
  const double all_steps = static_cast<double>(steps * how.epochs);
  double loss_sum = 0, hits = 0;
  model.ptr()->train();
  for (int64_t step = 0; step < steps; ++step) {
    const double done = static_cast<double>((result.epoch - 1) * steps + step);
    result.rate = rate_at(done / all_steps, how);
    set_rate(optimizer, result.rate);
    const Tensor chosen = shuffled.slice(0, step * how.batch, (step + 1) * how.batch);
    const Tensor labels = set.labels.index_select(0, chosen);
    const Tensor images = augmented_batch(set.images, chosen, how.augmentation, random);
    optimizer.zero_grad();
    const Tensor logits = model.forward(images);
    Tensor loss = torch::nn::functional::cross_entropy(logits, labels, loss_options);
    loss.backward();
    optimizer.step();
    loss_sum += loss.item<double>();
    hits += logits.argmax(1).eq(labels).sum().item<double>();
  }
  result.loss = loss_sum / static_cast<double>(steps);
  result.train_accuracy = hits / static_cast<double>(steps * how.batch);
  if (!std::isfinite(result.loss)) {
    throw Error("training", "diverged: the loss isn't finite", "a lower peak rate");
  }
}

}  // namespace

void train_classifier(torch::nn::AnyModule model, const ImageSplits& data,
                      const ClassifierTraining& how,
                      const std::function<void(const EpochResult&)>& report) {
  if (how.epochs < 1 || how.batch < 2 || how.batch > data.train.size()) {
    throw Error("training", "needs at least one epoch and a batch of 2 up to all images");
  }
  torch::optim::SGD optimizer = make_optimizer(*model.ptr(), how);
  int done = 0;
  if (how.resume) done = restore(how.checkpoint, *model.ptr(), &optimizer);
  for (int epoch = done + 1; epoch <= how.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    EpochResult result;
    result.epoch = epoch;
    train_epoch(model, optimizer, data.train, how, result);
    result.validation_accuracy = accuracy(model, data.validation);
    if (!how.checkpoint.empty()) save_checkpoint(how.checkpoint, *model.ptr(), optimizer, epoch);
    result.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    report(result);
  }
}

double accuracy(torch::nn::AnyModule model, const ImageDataset& set, int64_t batch) {
  torch::NoGradGuard no_gradient;
  model.ptr()->eval();
  double hits = 0;
  for (int64_t begin = 0; begin < set.size(); begin += batch) {
    const int64_t end = std::min(set.size(), begin + batch);
    const Tensor logits = model.forward(plain_batch(set.images.slice(0, begin, end)));
    hits += logits.argmax(1).eq(set.labels.slice(0, begin, end)).sum().item<double>();
  }
  return hits / static_cast<double>(set.size());
}

int load_checkpoint(const std::filesystem::path& path, torch::nn::Module& model) {
  return restore(path, model, nullptr);
}

}  // namespace betimes::learn

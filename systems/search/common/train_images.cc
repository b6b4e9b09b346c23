#include "systems/search/common/train_images.h"

#include <torch/nn/functional/loss.h>
#include <torch/utils.h>

#include <algorithm>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/learn/augment.h"
#include "betimes/learn/image_dataset.h"

namespace betimes::systems::search {
namespace {

constexpr uint64_t parts_seed = 20180731;  // which images are whose, the same in every run

/// Shifts and mirrors; nothing is erased in trainings so short.
class ShiftedImages : public learn::Dataset {
 public:
  explicit ShiftedImages(const Images& set)
      : bytes_((set.images * 255).round().to(at::kByte).contiguous()), labels_(set.labels) {
    how_.erase = 0;
  }
  int64_t size() const override { return labels_.size(0); }
  learn::Batch get(const at::Tensor& chosen, std::mt19937_64& random) const override {
    return {{learn::augmented_batch(bytes_, chosen, how_, random)},
            labels_.index_select(0, chosen)};
  }

 private:
  at::Tensor bytes_, labels_;
  learn::Augmentation how_;
};

Images pick(const learn::ImageDataset& set, std::vector<int64_t> chosen) {
  const at::Tensor which =
      at::from_blob(chosen.data(), {static_cast<int64_t>(chosen.size())}, at::kLong).clone();
  return {learn::plain_batch(set.images.index_select(0, which)), set.labels.index_select(0, which)};
}

std::vector<int64_t> shuffled(int64_t count, uint64_t seed) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), int64_t{0});
  Random(seed).shuffle(std::span<int64_t>(order));
  return order;
}

}  // namespace

ImageParts fashion_parts(int64_t training, int64_t held_out, int64_t test) {
  const learn::ImageSplits all = learn::load_fashion_mnist(fashion_folder, 0);
  if (training < 1 || held_out < 1 || test < 1 || training + held_out > all.train.size() ||
      test > all.test.size()) {
    throw Error("Fashion-MNIST", "hasn't so many images", "60000 to train on and 10000 to test");
  }
  const std::vector<int64_t> train_order = shuffled(all.train.size(), parts_seed);
  const std::vector<int64_t> test_order = shuffled(all.test.size(), parts_seed);
  const auto cut = train_order.begin() + training;
  return {pick(all.train, {train_order.begin(), cut}), pick(all.train, {cut, cut + held_out}),
          pick(all.test, {test_order.begin(), test_order.begin() + test})};
}

double image_accuracy(BlockModel& model, const Images& set) {
  const torch::NoGradGuard no_gradient;
  const bool training = model->is_training();
  model->eval();
  constexpr int64_t batch = 250;
  int64_t right = 0;
  for (int64_t first = 0; first < set.size(); first += batch) {
    const int64_t end = std::min(first + batch, set.size());
    const at::Tensor found = model->forward(set.images.slice(0, first, end)).argmax(1);
    right += (found == set.labels.slice(0, first, end)).sum().item<int64_t>();
  }
  model->train(training);
  return static_cast<double>(right) / static_cast<double>(set.size());
}

at::Tensor smoothed_loss(const at::Tensor& logits, const at::Tensor& labels, double smoothing) {
  return torch::nn::functional::cross_entropy(
      logits, labels, torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(smoothing));
}

void train_images(BlockModel& model, const Images& training, const ImageTraining& how,
                  const std::function<void(const learn::Epoch&)>& report) {
  learn::TrainingOptions options;
  options.epochs = how.epochs;
  options.seed = how.seed;
  options.batch = how.batch;
  options.optimizer.rate = how.rate;
  options.optimizer.weight_decay = 4e-5;
  options.schedule = learn::one_cycle(0.2);
  options.clip_norm = 5;
  options.keep_best = false;
  options.checkpoint = how.checkpoint;
  options.resume = how.resume;
  learn::Objective objective;
  objective.loss = [&](const learn::Batch& batch) {
    return smoothed_loss(model->forward(batch.inputs[0]), batch.targets);
  };
  model->train();
  learn::train(
      *model, ShiftedImages(training), objective, options,
      report ? report : [](const learn::Epoch&) {});
}

}  // namespace betimes::systems::search

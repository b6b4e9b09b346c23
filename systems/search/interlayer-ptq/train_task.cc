#include "systems/search/interlayer-ptq/train_task.h"

#include <algorithm>
#include <filesystem>

#include "betimes/learn/augment.h"

namespace betimes::systems::interlayer_ptq {
namespace {

/// Images with random shifts and mirrors.
class MovedImages : public learn::Dataset {
 public:
  MovedImages(const learn::ImageDataset& set, int64_t count) : set_(set), count_(count) {
    how_.erase = 0;
  }
  int64_t size() const override { return count_; }
  learn::Batch get(const at::Tensor& chosen, std::mt19937_64& random) const override {
    return {{learn::augmented_batch(set_.images, chosen, how_, random)},
            set_.labels.index_select(0, chosen)};
  }

 private:
  const learn::ImageDataset& set_;
  int64_t count_;
  learn::Augmentation how_;
};

/// Calls `visit(logits, labels)` for batches of the first `count` images.
template <class Visit>
void for_each_batch(NetImpl& net, const learn::ImageDataset& set, int64_t count, Visit visit) {
  const torch::NoGradGuard no_gradient;
  net.eval();
  count = std::min(count, set.size());
  for (int64_t begin = 0; begin < count; begin += 500) {
    const int64_t end = std::min(begin + 500, count);
    visit(net.forward(learn::plain_batch(set.images.slice(0, begin, end))),
          set.labels.slice(0, begin, end));
  }
}

}  // namespace

std::string weights_file(const std::string& folder, const std::string& net) {
  return (std::filesystem::path(folder) / ("interlayer-" + net + ".safetensors")).string();
}

learn::Trained train_net(NetImpl& net, const learn::ImageSplits& data, const NetTraining& how,
                         const std::function<void(const learn::Epoch&)>& report) {
  learn::TrainingOptions options;
  options.epochs = how.quick ? 1 : 10;
  options.batch = 64;
  options.seed = how.seed;
  options.optimizer.kind = learn::OptimizerOptions::Kind::adamw;
  options.optimizer.rate = 2e-3;
  options.optimizer.weight_decay = 0.02;
  options.schedule = learn::one_cycle(0.2, 0.05, 1e-3);
  options.clip_norm = 5;
  options.checkpoint = how.checkpoint;
  options.resume = how.resume;
  const MovedImages training(data.train, how.quick ? 1'000 : 30'000);
  learn::Objective objective;
  objective.loss = [&](const learn::Batch& batch) {
    return torch::cross_entropy_loss(net.forward(batch.inputs[0]), batch.targets);
  };
  objective.score = [&] { return hit_rate(net, data.validation, how.quick ? 500 : 5'000); };
  return learn::train(net, training, objective, options, report);
}

double hit_rate(NetImpl& net, const learn::ImageDataset& set, int64_t count) {
  int64_t hits = 0, all = 0;
  for_each_batch(net, set, count, [&](const at::Tensor& logits, const at::Tensor& labels) {
    hits += logits.argmax(1).eq(labels).sum().item<int64_t>();
    all += labels.size(0);
  });
  return static_cast<double>(hits) / static_cast<double>(all);
}

double mean_loss(NetImpl& net, const learn::ImageDataset& set, int64_t count) {
  double sum = 0;
  int64_t all = 0;
  for_each_batch(net, set, count, [&](const at::Tensor& logits, const at::Tensor& labels) {
    sum += torch::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum).item<double>();
    all += labels.size(0);
  });
  return sum / static_cast<double>(all);
}

}  // namespace betimes::systems::interlayer_ptq

#include "betimes/learn/classifier_training.h"

#include <algorithm>
#include <cstdlib>

#include "betimes/base/error.h"
#include "betimes/import/safetensors.h"
#include "betimes/learn/checkpoint.h"
#include "betimes/learn/loader.h"

namespace betimes::learn {
namespace {

/// Images with their random changes.
class AugmentedImages : public Dataset {
 public:
  AugmentedImages(const ImageDataset& set, const Augmentation& how) : set_(set), how_(how) {}
  int64_t size() const override { return set_.size(); }
  Batch get(const at::Tensor& chosen, std::mt19937_64& random) const override {
    return {{augmented_batch(set_.images, chosen, how_, random)},
            set_.labels.index_select(0, chosen)};
  }

 private:
  const ImageDataset& set_;
  const Augmentation& how_;
};

TrainingOptions options_of(const ClassifierTraining& how) {
  TrainingOptions options;
  options.epochs = how.epochs;
  options.seed = how.seed;
  options.batch = how.batch;
  options.optimizer.kind = OptimizerOptions::Kind::sgd;
  options.optimizer.rate = how.peak_rate;
  options.optimizer.momentum = how.momentum;
  options.optimizer.weight_decay = how.weight_decay;
  options.schedule = cosine(how.warm_up);
  options.keep_best = false;
  options.checkpoint = how.checkpoint;
  options.resume = how.resume;
  return options;
}

}  // namespace

void train_classifier(torch::nn::AnyModule model, const ImageSplits& data,
                      const ClassifierTraining& how,
                      const std::function<void(const Epoch&)>& report) {
  if (how.epochs < 1 || how.batch < 2 || how.batch > data.train.size()) {
    throw Error("training", "needs at least one epoch and a batch of 2 up to all images");
  }
  if (how.resume && !std::filesystem::exists(how.checkpoint)) {
    throw Error(how.checkpoint.string(), "isn't there to be resumed from");
  }
  const auto loss_options =
      torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(how.label_smoothing);
  Objective objective;
  objective.loss = [&](const Batch& batch) {
    return torch::nn::functional::cross_entropy(model.forward(batch.inputs[0]), batch.targets,
                                                loss_options);
  };
  objective.score = [&] { return accuracy(model, data.validation); };
  const AugmentedImages images(data.train, how.augmentation);
  train(*model.ptr(), images, objective, options_of(how), report);
}

double accuracy(torch::nn::AnyModule model, const ImageDataset& set, int64_t batch) {
  const torch::NoGradGuard no_gradient;
  model.ptr()->eval();
  double hits = 0;
  for (int64_t begin = 0; begin < set.size(); begin += batch) {
    const int64_t end = std::min(set.size(), begin + batch);
    const at::Tensor logits = model.forward(plain_batch(set.images.slice(0, begin, end)));
    hits += logits.argmax(1).eq(set.labels.slice(0, begin, end)).sum().item<double>();
  }
  return hits / static_cast<double>(set.size());
}

int load_checkpoint(const std::filesystem::path& path, torch::nn::Module& model) {
  load_module(model, below("module/", import::read_safetensors(path.string())));
  const auto metadata = import::read_safetensors_metadata(path.string());
  const auto epoch = metadata.find("epoch");
  if (epoch == metadata.end()) throw Error(path.string(), "isn't a checkpoint of training");
  return std::atoi(epoch->second.c_str());
}

}  // namespace betimes::learn

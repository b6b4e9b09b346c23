#include "systems/hardware/wa-hls4ml/train_surrogate.h"

#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/learn/loader.h"
#include "systems/hardware/wa-hls4ml/split.h"

namespace betimes::systems::wa_hls4ml {
namespace {

constexpr int64_t predicted_at_once = 512;

at::Tensor tensor_of(const std::vector<float>& values, at::IntArrayRef shape) {
  return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat).clone();
}

/// Of some of them; padding that none of these needs is cut off.
Networks pick(const Networks& all, const at::Tensor& chosen) {
  const at::Tensor lengths = all.lengths.index_select(0, chosen);
  const at::Tensor rows = all.rows.slice(1, 0, lengths.max().item<int64_t>());
  return {rows.index_select(0, chosen), lengths, all.context.index_select(0, chosen),
          all.averages.index_select(0, chosen)};
}

Networks networks_of(const learn::Batch& batch) {
  return {batch.inputs[0], batch.inputs[1], batch.inputs[2], batch.inputs[3]};
}

class NetworkDataset : public learn::Dataset {
 public:
  NetworkDataset(Networks networks, at::Tensor labels)
      : networks_(std::move(networks)), labels_(std::move(labels)) {}
  int64_t size() const override { return labels_.size(0); }
  learn::Batch get(const at::Tensor& chosen, std::mt19937_64&) const override {
    const Networks some = pick(networks_, chosen);
    return {{some.rows, some.lengths, some.context, some.averages},
            labels_.index_select(0, chosen)};
  }
  const at::Tensor& labels() const { return labels_; }
  const Networks& networks() const { return networks_; }

 private:
  Networks networks_;
  at::Tensor labels_;
};

/// [B, outputs] of all of them, in evaluation mode.
at::Tensor evaluate(Model& model, const Networks& networks) {
  const torch::NoGradGuard no_gradient;
  model.eval();
  std::vector<at::Tensor> parts;
  const int64_t count = networks.lengths.size(0);
  for (int64_t first = 0; first < count; first += predicted_at_once) {
    const int64_t last = std::min(first + predicted_at_once, count);
    parts.push_back(model.forward(pick(networks, at::arange(first, last, at::kLong))));
  }
  return at::cat(parts);
}

using Loss = std::function<at::Tensor(const at::Tensor& answers, const at::Tensor& labels)>;

learn::Trained fit(Model& model, const NetworkDataset& training, const NetworkDataset& validation,
                   const Loss& loss, const SurrogateTraining& how, const EpochReport& report) {
  learn::Objective objective;
  objective.loss = [&](const learn::Batch& batch) {
    return loss(model.forward(networks_of(batch)), batch.targets);
  };
  objective.score = [&] {
    return -loss(evaluate(model, validation.networks()), validation.labels()).item<double>();
  };
  learn::TrainingOptions options;
  options.epochs = how.epochs;
  options.seed = how.seed;
  options.batch = how.batch;
  options.optimizer.kind = learn::OptimizerOptions::Kind::adamw;
  options.optimizer.rate = how.rate;
  options.optimizer.weight_decay = 5e-6;
  options.plateau = learn::Plateau(0.5, 8);
  options.clip_norm = 1;
  options.patience = 30;
  options.checkpoint = how.checkpoint;
  options.resume = how.resume;
  return learn::train(model, training, objective, options, [&](const learn::Epoch& epoch) {
    if (report) report(epoch);
  });
}

std::vector<Sample> synthesised(std::span<const Sample> samples) {
  std::vector<Sample> found;
  std::ranges::copy_if(samples, std::back_inserter(found),
                       [](const Sample& sample) { return sample.costs.has_value(); });
  if (found.empty()) throw Error("a surrogate", "has no network that synthesised to learn from");
  return found;
}

NetworkDataset cost_data(std::span<const Sample> samples, const FeatureStats& features,
                         const LabelStats& labels) {
  const std::vector<Sample> chosen = synthesised(samples);
  std::vector<float> values;
  for (const Sample& sample : chosen) {
    const auto own = labels.normalise(*sample.costs);
    values.insert(values.end(), own.begin(), own.end());
  }
  return {make_networks(chosen, features),
          tensor_of(values, {static_cast<int64_t>(chosen.size()), targets})};
}

NetworkDataset success_data(std::span<const Sample> samples, const FeatureStats& features) {
  std::vector<float> values;
  for (const Sample& sample : samples) values.push_back(sample.costs ? 1.0f : 0.0f);
  return {make_networks(samples, features),
          tensor_of(values, {static_cast<int64_t>(samples.size()), 1})};
}

std::shared_ptr<Model> drawn_model(const ModelOptions& options, int64_t outputs, uint64_t seed) {
  torch::manual_seed(seed);
  return make_model(options, outputs);
}

}  // namespace

Networks make_networks(std::span<const Sample> samples, const FeatureStats& stats) {
  if (samples.empty()) throw Error("networks", "there are none");
  const auto count = static_cast<int64_t>(samples.size());
  size_t longest = 0;
  for (const Sample& sample : samples) {
    check(sample.network, sizes_text(sample.network));
    longest = std::max(longest, sample.network.layers.size());
  }
  std::vector<float> rows, contexts, averages;
  std::vector<int64_t> lengths;
  for (const Sample& sample : samples) {
    std::vector<float> own = layer_rows(sample.network, stats);
    own.resize(longest * row_width);
    rows.insert(rows.end(), own.begin(), own.end());
    const auto around = context(sample.network);
    contexts.insert(contexts.end(), around.begin(), around.end());
    const auto average = average_row(sample.network, stats);
    averages.insert(averages.end(), average.begin(), average.end());
    lengths.push_back(static_cast<int64_t>(sample.network.layers.size()));
  }
  return {tensor_of(rows, {count, static_cast<int64_t>(longest), row_width}),
          at::tensor(lengths, at::TensorOptions(at::kLong)),
          tensor_of(contexts, {count, context_width}), tensor_of(averages, {count, average_width})};
}

SurrogateTraining SurrogateTraining::of(ModelKind kind) {
  SurrogateTraining how;
  if (kind == ModelKind::transformer || kind == ModelKind::mlp) how.rate = 1e-3;
  return how;
}

Surrogate::Surrogate(const ModelOptions& options, std::span<const Sample> training,
                     LabelScale scale, uint64_t seed)
    : options_(options),
      features_(fit_features(training)),
      labels_(fit_labels(training, scale)),
      model_(drawn_model(options, targets, seed)) {}

learn::Trained Surrogate::train(std::span<const Sample> training,
                                std::span<const Sample> validation, const SurrogateTraining& how,
                                const EpochReport& report) {
  const Loss loss = [](const at::Tensor& answers, const at::Tensor& labels) {
    return (answers - labels).square().mean();
  };
  return fit(*model_, cost_data(training, features_, labels_),
             cost_data(validation, features_, labels_), loss, how, report);
}

std::vector<Costs> Surrogate::predict_all(std::span<const Sample> samples) const {
  const at::Tensor found = evaluate(*model_, make_networks(samples, features_)).contiguous();
  std::vector<Costs> costs;
  for (int64_t i = 0; i < found.size(0); ++i) {
    costs.push_back(
        labels_.restore({found.data_ptr<float>() + i * static_cast<int64_t>(targets), targets}));
  }
  return costs;
}

Costs Surrogate::predict(const Network& network) const {
  const Sample sample{network, {}, false};
  return predict_all(std::span(&sample, 1))[0];
}

SuccessClassifier::SuccessClassifier(std::span<const Sample> training, uint64_t seed)
    : features_(fit_features(training)) {
  ModelOptions options = ModelOptions::of(ModelKind::mlp);
  options.hidden = 64;
  model_ = drawn_model(options, 1, seed);
}

learn::Trained SuccessClassifier::train(std::span<const Sample> training,
                                        std::span<const Sample> validation,
                                        const SurrogateTraining& how, const EpochReport& report) {
  const Loss loss = [](const at::Tensor& answers, const at::Tensor& labels) {
    return at::binary_cross_entropy_with_logits(answers, labels);
  };
  return fit(*model_, success_data(training, features_), success_data(validation, features_), loss,
             how, report);
}

std::vector<float> SuccessClassifier::predict(std::span<const Sample> samples) const {
  const at::Tensor found =
      evaluate(*model_, make_networks(samples, features_)).sigmoid().contiguous();
  return {found.data_ptr<float>(), found.data_ptr<float>() + found.numel()};
}

}  // namespace betimes::systems::wa_hls4ml

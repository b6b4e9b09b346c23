#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "betimes/learn/training.h"
#include "systems/hardware/wa-hls4ml/baselines.h"
#include "systems/hardware/wa-hls4ml/train_model.h"

namespace betimes::systems::wa_hls4ml {

/// Networks as tensors. Throws Error for none, and as check() does.
Networks make_networks(std::span<const Sample> samples, const FeatureStats& stats);

struct SurrogateTraining {
  int epochs = 100;
  int64_t batch = 256;
  double rate = 3e-3;  // AdamW's
  uint64_t seed = 1;
  std::filesystem::path checkpoint;  // empty: none
  bool resume = false;

  /// The rates of each kind at the reduced sizes.
  static SurrogateTraining of(ModelKind kind);
};

using EpochReport = std::function<void(const learn::Epoch&)>;

/// Predicts the costs of networks that synthesise: a model with the statistics of its training
/// part.
class Surrogate : public Estimator {
 public:
  /// Not trained; statistics are those of `training`, weights are drawn from `seed`.
  Surrogate(const ModelOptions& options, std::span<const Sample> training, LabelScale scale,
            uint64_t seed);

  /// Mean squared error on the standardised labels, gradients clipped at 1, the rate halved after 8
  /// epochs without gain, stopped after 30; the epoch with the least validation loss is kept.
  /// Failed syntheses are left out. Throws Error when nothing is left, and as learn::train() does.
  learn::Trained train(std::span<const Sample> training, std::span<const Sample> validation,
                       const SurrogateTraining& how, const EpochReport& report = {});

  Costs predict(const Network& network) const override;
  std::vector<Costs> predict_all(std::span<const Sample> samples) const override;

  Model& model() const { return *model_; }
  const ModelOptions& options() const { return options_; }
  const FeatureStats& features() const { return features_; }
  const LabelStats& labels() const { return labels_; }

 private:
  ModelOptions options_;
  FeatureStats features_;
  LabelStats labels_;
  std::shared_ptr<Model> model_;
};

/// Will a network synthesise? An MLP on the network's averages, by cross-entropy.
class SuccessClassifier {
 public:
  SuccessClassifier(std::span<const Sample> training, uint64_t seed);
  learn::Trained train(std::span<const Sample> training, std::span<const Sample> validation,
                       const SurrogateTraining& how, const EpochReport& report = {});
  /// Probabilities.
  std::vector<float> predict(std::span<const Sample> samples) const;

  Model& model() const { return *model_; }
  const FeatureStats& features() const { return features_; }

 private:
  FeatureStats features_;
  std::shared_ptr<Model> model_;
};

}  // namespace betimes::systems::wa_hls4ml

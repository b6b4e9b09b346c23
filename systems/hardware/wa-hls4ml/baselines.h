#pragma once

#include <memory>
#include <span>
#include <vector>

#include "systems/hardware/wa-hls4ml/features.h"

namespace betimes::systems::wa_hls4ml {

/// Predicts costs of networks that synthesise.
class Estimator {
 public:
  virtual ~Estimator() = default;
  virtual Costs predict(const Network& network) const = 0;
  /// Of each; together where that is faster.
  virtual std::vector<Costs> predict_all(std::span<const Sample> samples) const;
};

// Each is fitted to the samples that synthesised, and throws Error when none did.

/// The mean of each target, whatever the network.
std::unique_ptr<Estimator> fit_mean(std::span<const Sample> samples);
/// Least squares on log_row(), in the labels' scale.
std::unique_ptr<Estimator> fit_linear(std::span<const Sample> samples, LabelScale scale);
/// Boosted trees on log_row(), in the labels' scale; one model a target.
std::unique_ptr<Estimator> fit_trees(std::span<const Sample> samples, LabelScale scale,
                                     int trees = 300);

/// What synthesis found. Throws Error for a sample without.
std::vector<Costs> true_costs(std::span<const Sample> samples);

}  // namespace betimes::systems::wa_hls4ml

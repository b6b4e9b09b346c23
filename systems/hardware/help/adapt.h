#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "systems/hardware/help/predictor.h"

namespace betimes::systems::help {

struct AdaptOptions {
  int inner_steps = 2;
  int draws = 10;  // of the modulation; a predictor without a modulator needs one and makes one
  uint64_t seed = 1;
};

/// A predictor that has seen a device's few measurements: predictions are means over the draws.
class Adapted {
 public:
  /// Labels of the support as labels_of() makes them. Throws Error where the sizes don't fit.
  Adapted(const Predictor& predictor, std::span<const float> embedding, const Encoded& support,
          std::span<const float> labels, const AdaptOptions& options);

  /// On the labels' scale.
  std::vector<float> predict(const Encoded& architectures) const;

 private:
  std::vector<float> embedding_;
  std::vector<Network> networks_;
};

/// The head's weights scaled by 1 + 0.01 z, its biases moved by 0.01 z, z ~ N(mu, sigma) from the
/// embedding; `noise` holds (z - mu) / sigma.
Network modulated(const Predictor& predictor, std::span<const float> embedding,
                  std::span<const float> noise);

/// Predictions as milliseconds: scale * prediction + offset.
struct Line {
  double scale = 1, offset = 0;
  double operator()(double prediction) const { return scale * prediction + offset; }
};

/// The line that brings the predictions' range on the support to the measured range (Lee et al.).
/// Throws Error for other lengths, fewer than two points, and predictions that are all the same.
Line match_ranges(std::span<const float> predicted, std::span<const double> ms);
/// The line with the least squared error on the support. Throws Error as match_ranges.
Line least_squares(std::span<const float> predicted, std::span<const double> ms);

}  // namespace betimes::systems::help

#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace betimes::systems::wa_hls4ml {

/// Logistic regression by Newton's steps, with a little of ridge, so that kinds which a line
/// divides perfectly have finite weights.
class Logistic {
 public:
  Logistic() = default;
  /// `rows`: [happened.size(), width]. Throws Error for none and for other lengths.
  Logistic(std::span<const double> rows, const std::vector<bool>& happened, size_t width,
           double ridge = 1e-2);
  /// Throws Error for another number of features.
  double probability(std::span<const double> features) const;

 private:
  std::vector<double> mean_, scale_, weights_;  // the last weight is the offset
};

}  // namespace betimes::systems::wa_hls4ml

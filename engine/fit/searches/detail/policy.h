#pragma once

#include <vector>

#include "betimes/base/random.h"
#include "betimes/fit/knob_space.h"

namespace betimes::fit::detail {

/// An independent categorical distribution for each knob, softmax over logits. Reals and integers
/// with many values are represented by a few levels spread over their domain.
class Policy {
 public:
  static constexpr size_t most_levels = 32;

  /// Uniform at first.
  explicit Policy(const KnobSpace& space);

  /// A choice for every knob: indices into its levels.
  using Action = std::vector<size_t>;
  /// Each knob from the policy, or with probability `explore` uniformly.
  Action sample(Random& random, double explore) const;
  Setting setting(const Action& action) const;
  /// The action whose levels lie nearest to the setting's values.
  Action action(const Setting& setting) const;

  double log_probability(const Action& action) const;
  /// Sum over the knobs.
  double entropy() const;
  std::vector<double> probabilities(size_t knob) const;

  /// Gradients by the logits are collected in closed form:
  ///   d log pi(a) / d logit_i = [i = a] - p_i       d H / d logit_i = -p_i (log p_i + H)
  void add_log_probability_gradient(const Action& action, double weight);
  void add_entropy_gradient(double weight);
  /// Moves the logits along what was collected, and forgets it.
  void step(double rate);

  std::vector<std::vector<double>>& logits() { return logits_; }
  const std::vector<std::vector<double>>& gradient() const { return gradient_; }

 private:
  std::vector<Knob> knobs_;
  std::vector<std::vector<Value>> levels_;
  std::vector<std::vector<double>> logits_, gradient_;
};

}  // namespace betimes::fit::detail

#include <cmath>

#include "betimes/fit/searches/detail/policy_search.h"

namespace betimes::fit::detail {
namespace {

/// Proximal policy optimisation (Schulman, Wolski, Dhariwal, Radford and Klimov 2017, equation 7):
/// several steps along the gradient of min(r A, clip(r, 1 - clip, 1 + clip) A), r the ratio of the
/// new probability of an action to the one it was drawn with, plus an entropy bonus.
class PpoSearch : public PolicySearch {
 public:
  PpoSearch(Ingredients made_of, int batch, double rate, double entropy, int epochs, double clip)
      : PolicySearch(std::move(made_of), batch),
        rate_(rate),
        entropy_(entropy),
        epochs_(epochs),
        clip_(clip) {}

 private:
  void update(Policy& policy, const std::vector<Experience>& round) const override {
    std::vector<double> before;
    for (const Experience& each : round) before.push_back(policy.log_probability(each.action));
    for (int epoch = 0; epoch < epochs_; ++epoch) {
      for (size_t i = 0; i < round.size(); ++i) {
        const Experience& each = round[i];
        const double ratio = std::exp(policy.log_probability(each.action) - before[i]);
        const bool clipped = each.advantage > 0 ? ratio > 1 + clip_ : ratio < 1 - clip_;
        if (clipped) continue;  // the objective is flat there
        policy.add_log_probability_gradient(
            each.action, ratio * each.advantage / static_cast<double>(round.size()));
      }
      policy.add_entropy_gradient(entropy_);
      policy.step(rate_);
    }
  }

  double rate_, entropy_;
  int epochs_;
  double clip_;
};

}  // namespace

std::unique_ptr<Search> make_ppo(Ingredients ingredients, Parameters& parameters) {
  const int batch = parameters.count("batch", 8, 1, 10'000);
  const double rate = parameters.number("rate", 1, 1e-6, 100);
  const double entropy = parameters.number("entropy", 0.01, 0, 10);
  const int epochs = parameters.count("epochs", 8, 1, 1000);
  const double clip = parameters.number("clip", 0.2, 0.001, 1);
  return std::make_unique<PpoSearch>(std::move(ingredients), batch, rate, entropy, epochs, clip);
}

}  // namespace betimes::fit::detail

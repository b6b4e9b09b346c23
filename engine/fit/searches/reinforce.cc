#include "betimes/fit/searches/detail/policy_search.h"

namespace betimes::fit::detail {
namespace {

/// REINFORCE (Williams 1992, section 4): logits move along the mean of advantage * d log pi, with a
/// moving baseline, plus an entropy bonus.
class ReinforceSearch : public PolicySearch {
 public:
  ReinforceSearch(Ingredients made_of, int batch, double rate, double entropy)
      : PolicySearch(std::move(made_of), batch), rate_(rate), entropy_(entropy) {}

 private:
  void update(Policy& policy, const std::vector<Experience>& round) const override {
    for (const Experience& each : round) {
      policy.add_log_probability_gradient(each.action,
                                          each.advantage / static_cast<double>(round.size()));
    }
    policy.add_entropy_gradient(entropy_);
    policy.step(rate_);
  }

  double rate_, entropy_;
};

}  // namespace

std::unique_ptr<Search> make_reinforce(Ingredients ingredients, Parameters& parameters) {
  const int batch = parameters.count("batch", 8, 1, 10'000);
  const double rate = parameters.number("rate", 2, 1e-6, 100);
  const double entropy = parameters.number("entropy", 0.01, 0, 10);
  return std::make_unique<ReinforceSearch>(std::move(ingredients), batch, rate, entropy);
}

}  // namespace betimes::fit::detail

#include "betimes/fit/searches/detail/factories.h"
#include "betimes/fit/searches/detail/fresh.h"

namespace betimes::fit::detail {
namespace {

/// Ageing evolution (Real, Aggarwal, Huang and Le, Regularized Evolution for Image Classifier
/// Architecture Search, AAAI 2019, algorithm 1). The population is the last `population` entries of
/// the ledger, so the oldest dies with each birth; the best of a random sample, drawn with
/// replacement, has a child by one mutation.
class EvolutionSearch : public Search {
 public:
  EvolutionSearch(Ingredients made_of, int population, int tournament)
      : with_(std::move(made_of)), population_(population), tournament_(tournament) {}

  std::vector<Setting> propose(const Ledger& ledger, int count) override {
    Random random = random_for(with_.seed, ledger);
    Fresh fresh(with_.space, ledger);
    const std::vector<const Entry*> living = living_in(ledger);
    const auto full = static_cast<size_t>(population_);
    while (fresh.size() < count) {
      const bool founders =
          living.empty() || living.size() + static_cast<size_t>(fresh.size()) < full;
      const bool found = fresh.draw(
          [&](int attempt) {
            if (founders) return with_.space.sample(random);
            return child_of(winner(living, random), attempt, random);
          },
          random);
      if (!found) break;
    }
    return std::move(fresh).settings();
  }
  int batch() const override { return 4; }

 private:
  std::vector<const Entry*> living_in(const Ledger& ledger) const {
    std::vector<const Entry*> living;
    const auto& entries = ledger.entries();
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
      if (entry->found) living.push_back(&*entry);
      if (static_cast<int>(living.size()) == population_) break;
    }
    return living;
  }

  const Setting& winner(const std::vector<const Entry*>& living, Random& random) const {
    const Entry* best = nullptr;
    for (int i = 0; i < tournament_; ++i) {
      const Entry* rival = living[random.below(living.size())];
      if (!best || with_.objective.better(*rival, *best)) best = rival;
    }
    return best->setting;
  }

  /// Where near children are all known already, farther ones.
  Setting child_of(const Setting& parent, int attempt, Random& random) const {
    Setting child = parent;
    for (int i = 0; i <= attempt / 25; ++i) child = with_.space.mutate(child, random);
    return child;
  }

  Ingredients with_;
  int population_, tournament_;
};

}  // namespace

std::unique_ptr<Search> make_evolution(Ingredients ingredients, Parameters& parameters) {
  const int population = parameters.count("population", 16, 1, 100'000);
  const int tournament = parameters.count("tournament", 4, 1, 100'000);
  return std::make_unique<EvolutionSearch>(std::move(ingredients), population, tournament);
}

}  // namespace betimes::fit::detail

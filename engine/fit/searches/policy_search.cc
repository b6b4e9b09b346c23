#include "betimes/fit/searches/detail/policy_search.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "betimes/fit/searches/detail/fresh.h"

namespace betimes::fit::detail {
namespace {

/// What is usually rewarded, and how far rewards scatter: averages in which a round counts for a
/// fifth.
class Baseline {
 public:
  void see(const std::vector<double>& rewards) {
    double mean = 0;
    for (const double reward : rewards) mean += reward / static_cast<double>(rewards.size());
    average_ = seen_ ? average_ + part * (mean - average_) : mean;
    double square = 0;
    for (const double reward : rewards) {
      square += (reward - average_) * (reward - average_) / static_cast<double>(rewards.size());
    }
    variance_ = seen_ ? variance_ + part * (square - variance_) : square;
    seen_ = true;
  }
  double average() const { return average_; }
  double advantage(double reward, double expected) const {
    return (reward - expected) / std::max(std::sqrt(variance_), 1e-6);
  }

 private:
  static constexpr double part = 0.2;
  double average_ = 0, variance_ = 0;
  bool seen_ = false;
};

/// Entries in the objective's order: places[i] is how many of them entry i is better than.
std::vector<size_t> places_of(const Ledger& ledger, const Objective& objective) {
  const auto& entries = ledger.entries();
  std::vector<size_t> order(entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto worse = [&](size_t a, size_t b) { return objective.better(entries[b], entries[a]); };
  std::stable_sort(order.begin(), order.end(), worse);
  std::vector<size_t> places(entries.size());
  for (size_t i = 0; i < order.size(); ++i) {
    const bool equal = i > 0 && !worse(order[i - 1], order[i]);
    places[order[i]] = equal ? places[order[i - 1]] : i;
  }
  return places;
}

/// Rewards are ranks among what was tried so far, in [0, 1]: whatever the scale of the objective,
/// and however far beyond the budget some settings are, the difference between two good ones counts
/// as much as that between two bad ones.
class Ranks {
 public:
  void add(size_t place) {
    seen_.insert(std::upper_bound(seen_.begin(), seen_.end(), place), place);
  }
  double of(size_t place) const {
    const auto [low, high] = std::equal_range(seen_.begin(), seen_.end(), place);
    const auto middle = static_cast<double>((low - seen_.begin()) + (high - seen_.begin())) / 2;
    return middle / static_cast<double>(seen_.size());
  }

 private:
  std::vector<size_t> seen_;  // sorted
};

}  // namespace

Policy PolicySearch::learn(const Ledger& ledger) const {
  Policy policy(with_.space);
  Baseline baseline;
  Ranks ranks;
  const std::vector<size_t> places = places_of(ledger, with_.objective);
  const auto& entries = ledger.entries();
  for (size_t begin = 0; begin < entries.size();) {
    size_t end = begin;
    while (end < entries.size() && entries[end].round == entries[begin].round) ++end;
    for (size_t i = begin; i < end; ++i) ranks.add(places[i]);
    std::vector<double> rewards;
    for (size_t i = begin; i < end; ++i) rewards.push_back(ranks.of(places[i]));
    // The baseline of the rounds before: one made of these rewards would depend on the actions.
    const bool first = begin == 0;
    double expected = baseline.average();
    baseline.see(rewards);
    if (first) expected = baseline.average();
    std::vector<Experience> round;
    for (size_t i = begin; i < end; ++i) {
      round.push_back(
          {policy.action(entries[i].setting), baseline.advantage(rewards[i - begin], expected)});
    }
    update(policy, round);
    begin = end;
  }
  return policy;
}

std::vector<Setting> PolicySearch::propose(const Ledger& ledger, int count) {
  const Policy policy = learn(ledger);
  Random random = random_for(with_.seed, ledger);
  Fresh fresh(with_.space, ledger);
  const auto draw = [&](int attempt) {
    return policy.setting(policy.sample(random, static_cast<double>(attempt) / Fresh::attempts));
  };
  while (fresh.size() < count && fresh.draw(draw, random)) {
  }
  return std::move(fresh).settings();
}

}  // namespace betimes::fit::detail

#include "betimes/fit/knapsack.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "betimes/base/error.h"
#include "betimes/fit/searches/detail/factories.h"
#include "betimes/fit/searches/detail/fresh.h"

namespace betimes::fit::detail {
namespace {

/// Quality and cost of a setting, measured or summed up.
struct Sum {
  double quality = 0;
  double cost = 0;  // pressure on the budget; milliseconds where nothing is bounded
};

/// For separable spaces, where what one knob costs and brings hardly depends on the others. First
/// the standard setting and each other value of each knob alone are evaluated; then the
/// multiple-choice knapsack over their differences (knapsack.h) names the settings that the sums
/// put on the frontier, and these are tried, the most promising first. What the sums got wrong of
/// the settings tried corrects those that cost about as much.
class KnapsackSearch : public Search {
 public:
  KnapsackSearch(Ingredients made_of, int most_levels) : with_(std::move(made_of)) {
    const Setting standard = with_.space.standard();
    for (const Knob& knob : with_.space.knobs()) {
      std::vector<Value>& values = values_.emplace_back(1, knob.standard);
      for (Value& value : levels(knob.domain, static_cast<size_t>(most_levels))) {
        Setting alone = standard;
        alone[knob.name] = value;
        if (value != knob.standard && with_.space.allows(alone)) values.push_back(std::move(value));
      }
    }
  }

  std::vector<Setting> propose(const Ledger& ledger, int count) override {
    Fresh fresh(with_.space, ledger);
    for (const Setting& setting : alone()) {
      if (fresh.size() < count) fresh.take(setting);
    }
    if (fresh.size() == 0) {
      // One at a time: each measurement corrects what is believed of the next.
      if (const auto next = promising(ledger)) fresh.take(*next);
    }
    return std::move(fresh).settings();
  }
  int batch() const override { return 8; }

 private:
  using Groups = std::vector<std::vector<Choice>>;

  /// The standard setting, then every one that differs from it in one knob.
  std::vector<Setting> alone() const {
    std::vector<Setting> result = {with_.space.standard()};
    for (size_t k = 0; k < values_.size(); ++k) {
      for (size_t i = 1; i < values_[k].size(); ++i) result.push_back(alone(k, i));
    }
    return result;
  }

  Setting alone(size_t knob, size_t value) const {
    Setting setting = with_.space.standard();
    setting[with_.space.knobs()[knob].name] = values_[knob][value];
    return setting;
  }

  bool bounded() const {
    return !with_.objective.budget().bounds.empty() || with_.objective.budget().memory.has_value();
  }

  Sum sum_of(const Outcome& outcome) const {
    return {outcome.quality, bounded() ? with_.objective.pressure(outcome) : outcome.latency_ms};
  }

  /// The choices that were measured, and which value each is; nullopt without the standard setting.
  std::optional<Groups> groups(const Ledger& ledger,
                               std::vector<std::vector<size_t>>& which) const {
    const Entry* standard = ledger.find(with_.space.standard());
    if (!standard || !standard->found) return std::nullopt;
    const Sum base = sum_of(*standard->found);
    Groups result;
    for (size_t k = 0; k < values_.size(); ++k) {
      result.push_back({{0, 0}});
      which.push_back({0});
      for (size_t i = 1; i < values_[k].size(); ++i) {
        const Entry* entry = ledger.find(alone(k, i));
        if (!entry || !entry->found) continue;
        const Sum found = sum_of(*entry->found);
        if (!std::isfinite(found.cost - base.cost)) continue;
        result.back().push_back({found.cost - base.cost, base.quality - found.quality});
        which.back().push_back(i);
      }
    }
    return result;
  }

  struct Candidate {
    Setting setting;
    Sum expected;
  };

  std::vector<Candidate> candidates(const Groups& groups,
                                    const std::vector<std::vector<size_t>>& which,
                                    const Sum& base) const {
    std::vector<std::vector<size_t>> selections = frontier_selections(groups);
    if (const auto exact = choose_under_budget(groups, 1 - base.cost); exact && bounded()) {
      selections.push_back(*exact);
    }
    std::vector<Candidate> result;
    for (const auto& selection : selections) {
      Candidate candidate{with_.space.standard(), base};
      for (size_t k = 0; k < selection.size(); ++k) {
        candidate.setting[with_.space.knobs()[k].name] = values_[k][which[k][selection[k]]];
        candidate.expected.cost += groups[k][selection[k]].cost;
        candidate.expected.quality -= groups[k][selection[k]].loss;
      }
      result.push_back(std::move(candidate));
    }
    return result;
  }

  std::optional<Setting> promising(const Ledger& ledger) const {
    std::vector<std::vector<size_t>> which;
    const auto groups_found = groups(ledger, which);
    if (!groups_found) return std::nullopt;
    const Sum base = sum_of(*ledger.find(with_.space.standard())->found);
    const std::vector<Candidate> all = candidates(*groups_found, which, base);
    const Candidate* best = nullptr;
    double best_score = 0;
    for (const Candidate& candidate : all) {
      if (ledger.find(candidate.setting) || !with_.space.allows(candidate.setting)) continue;
      const Sum expected = corrected(candidate, all, ledger);
      const double score = with_.objective.score(expected.quality, bounded() ? expected.cost : 0);
      if (best && score <= best_score) continue;
      best = &candidate;
      best_score = score;
    }
    return best ? std::optional(best->setting) : std::nullopt;
  }

  /// The sums, moved by what they missed of the measured candidate whose cost is nearest.
  Sum corrected(const Candidate& candidate, const std::vector<Candidate>& all,
                const Ledger& ledger) const {
    Sum error;
    double nearest = std::numeric_limits<double>::infinity();
    for (const Candidate& other : all) {
      const Entry* entry = ledger.find(other.setting);
      const double distance = std::fabs(other.expected.cost - candidate.expected.cost);
      if (!entry || !entry->found || distance >= nearest) continue;
      nearest = distance;
      const Sum found = sum_of(*entry->found);
      error = {found.quality - other.expected.quality, found.cost - other.expected.cost};
    }
    return {candidate.expected.quality + error.quality, candidate.expected.cost + error.cost};
  }

  Ingredients with_;
  std::vector<std::vector<Value>> values_;  // by knob, the standard value first
};

}  // namespace

std::unique_ptr<Search> make_knapsack(Ingredients ingredients, Parameters& parameters) {
  const int most_levels = parameters.count("levels", 8, 2, 1000);
  if (!ingredients.space.allows(ingredients.space.standard())) {
    throw Error("search 'knapsack'", "the constraints don't allow the standard setting",
                "one from which single knobs can be changed");
  }
  return std::make_unique<KnapsackSearch>(std::move(ingredients), most_levels);
}

}  // namespace betimes::fit::detail

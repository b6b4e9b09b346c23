#include "systems/search/mnasnet/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"
#include "betimes/fit/frontier.h"
#include "betimes/fit/search.h"

namespace betimes::systems::mnasnet {
namespace {

/// Settings are ordered by name, so numbers come first and have equally many digits.
std::string knob_name(const TokenSpace& space, size_t i) {
  return fmt::format("{:03}-{}", i, space.tokens[i].name);
}

fit::Budget budget_of(double ms) {
  fit::Budget budget;
  budget.bounds = {{"p50", ms}};
  return budget;
}

}  // namespace

int TokenSpace::most_alternatives() const {
  int most = 0;
  for (const Token& token : tokens) most = std::max(most, token.alternatives);
  return most;
}

std::vector<bool> TokenSpace::mask(std::span<const int> before) const {
  const Token& next = tokens.at(before.size());
  std::vector<bool> found(static_cast<size_t>(next.alternatives), true);
  if (legal) found = legal(before);
  const bool any = std::find(found.begin(), found.end(), true) != found.end();
  if (found.size() != static_cast<size_t>(next.alternatives) || !any) {
    throw Error("token " + next.name, "has no legal alternative, or a mask of another size");
  }
  return found;
}

void TokenSpace::check(const Tokens& chosen) const {
  if (chosen.size() != length()) {
    throw Error(name, fmt::format("was given {} tokens", chosen.size()),
                fmt::format("{}", length()));
  }
  for (size_t i = 0; i < chosen.size(); ++i) {
    const std::vector<bool> allowed = mask(std::span(chosen).first(i));
    const bool exists = chosen[i] >= 0 && chosen[i] < tokens[i].alternatives;
    if (!exists || !allowed[static_cast<size_t>(chosen[i])]) {
      throw Error("token " + tokens[i].name, fmt::format("can't be {} here", chosen[i]));
    }
  }
}

const Judged& CachedJudge::operator()(const Tokens& tokens) {
  const auto known = known_.find(tokens);
  if (known != known_.end()) return known->second;
  return known_.emplace(tokens, judge_(tokens)).first->second;
}

double cost_of(const Judged& found, Cost cost) {
  return cost == Cost::latency ? found.ms : found.macs;
}

fit::KnobSpace knob_space(const TokenSpace& space) {
  fit::KnobSpace knobs;
  for (size_t i = 0; i < space.length(); ++i) {
    fit::Categories alternatives;
    for (int a = 0; a < space.tokens[i].alternatives; ++a) {
      alternatives.values.emplace_back(int64_t{a});
    }
    knobs.add({knob_name(space, i), alternatives, int64_t{0}, space.tokens[i].name});
  }
  if (!space.legal) return knobs;
  knobs.require("every token is legal after those before it", [space](const fit::Setting& setting) {
    const Tokens tokens = tokens_of(space, setting);
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (!space.mask(std::span(tokens).first(i))[static_cast<size_t>(tokens[i])]) return false;
    }
    return true;
  });
  return knobs;
}

Tokens tokens_of(const TokenSpace& space, const fit::Setting& setting) {
  Tokens tokens;
  for (size_t i = 0; i < space.length(); ++i) {
    tokens.push_back(static_cast<int>(std::get<int64_t>(setting.at(knob_name(space, i)))));
  }
  return tokens;
}

std::vector<Trial> baseline_search(const TokenSpace& space, const Judge& judge,
                                   const BaselineSearch& how) {
  const fit::KnobSpace knobs = knob_space(space);
  const auto search =
      fit::make_search(how.name, knobs, fit::Objective::under(budget_of(how.budget_ms)), how.seed);
  fit::Ledger ledger(knobs, space.name, how.seed);
  std::vector<Trial> trials;
  for (int64_t round = 0; static_cast<int>(trials.size()) < how.samples; ++round) {
    const int wanted = std::min(search->batch(), how.samples - static_cast<int>(trials.size()));
    const std::vector<fit::Setting> proposed = search->propose(ledger, wanted);
    if (proposed.empty()) break;  // the whole space has been tried
    for (const fit::Setting& setting : proposed) {
      const Tokens tokens = tokens_of(space, setting);
      const Judged found = judge(tokens);
      trials.push_back({tokens, found, 0});
      ledger.append({setting, fit::Outcome{found.accuracy, found.ms, {}}, "", 0, round});
    }
  }
  return trials;
}

const Trial* best_within(const std::vector<Trial>& trials, double ms) {
  const Trial* best = nullptr;
  for (const Trial& trial : trials) {
    if (trial.found.ms > ms) continue;
    if (!best || trial.found.accuracy > best->found.accuracy) best = &trial;
  }
  return best;
}

double best_accuracy_within(const std::vector<Trial>& trials, double ms) {
  const Trial* best = best_within(trials, ms);
  return best ? best->found.accuracy : 0;
}

double log_latency_spread(const std::vector<Trial>& trials, size_t first) {
  std::vector<double> logs;
  for (size_t i = first; i < trials.size(); ++i) logs.push_back(std::log(trials[i].found.ms));
  return standard_deviation(logs);
}

double hypervolume(const std::vector<Trial>& trials, double least_accuracy, double most_ms) {
  fit::Frontier front;
  for (const Trial& trial : trials) {
    // The frontier needs no setting to compute an area.
    front.add({{}, fit::Outcome{trial.found.accuracy, trial.found.ms, {}}, "", 0, 0});
  }
  return front.hypervolume(least_accuracy, most_ms);
}

}  // namespace betimes::systems::mnasnet

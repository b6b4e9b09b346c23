#include "betimes/fit/objective.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "betimes/base/error.h"

namespace betimes::fit {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
// A latency of 0 with a negative exponent would be worth an infinity.
constexpr double least_pressure = 1e-9;

double statistic(const Outcome& outcome, const std::string& name) {
  const auto found = outcome.extra.find(name);
  return found == outcome.extra.end() ? outcome.latency_ms : found->second;
}

}  // namespace

double pressure(const Budget& budget, const Outcome& outcome) {
  double worst = 0;
  for (const Bound& bound : budget.bounds) {
    worst = std::max(worst, statistic(outcome, bound.statistic) / bound.milliseconds);
  }
  if (budget.memory) {
    const auto bytes = outcome.extra.find("memory_bytes");
    worst = std::max(worst, bytes == outcome.extra.end()
                                ? infinite
                                : bytes->second / static_cast<double>(*budget.memory));
  }
  return worst;
}

bool holds(const Budget& budget, const Outcome& outcome) {
  return pressure(budget, outcome) <= 1 &&
         (!budget.quality_floor || outcome.quality >= *budget.quality_floor);
}

Objective Objective::under(Budget budget) {
  Objective objective;
  const bool free = budget.bounds.empty() && !budget.memory && !budget.quality_floor;
  objective.name_ = free ? "quality" : "quality under " + to_string(budget);
  objective.budget_ = std::move(budget);
  return objective;
}

Objective Objective::weighted(double target_ms, double within, double beyond) {
  if (!(target_ms > 0) || !std::isfinite(target_ms)) {
    throw Error("objective", "the target isn't a time", "milliseconds > 0");
  }
  if (!(within <= 0) || !(beyond <= 0) || !std::isfinite(within) || !std::isfinite(beyond)) {
    throw Error("objective", "an exponent isn't a cost of latency", "finite numbers <= 0");
  }
  Objective objective;
  const std::string exponent = within == beyond
                                   ? fmt::format("{:.4g}", within)
                                   : fmt::format("({:.4g} within, {:.4g} beyond)", within, beyond);
  objective.name_ = fmt::format("quality * (latency / {:.4g} ms)^{}", target_ms, exponent);
  objective.budget_.bounds = {{"p50", target_ms}};
  objective.constrained_ = false;
  objective.within_ = within;
  objective.beyond_ = beyond;
  return objective;
}

double Objective::score(double quality, double pressure) const {
  if (!constrained_) {
    const double ratio = std::max(pressure, least_pressure);
    return quality * std::pow(ratio, ratio <= 1 ? within_ : beyond_);
  }
  const bool too_low = budget_.quality_floor && quality < *budget_.quality_floor;
  if (pressure <= 1 && !too_low) return quality;
  double ratio = pressure;
  if (too_low) ratio = std::max(ratio, *budget_.quality_floor / std::max(quality, 1e-9));
  return 1 / ratio - 1;
}

double Objective::operator()(const Entry& entry) const {
  return entry.found ? score(entry.found->quality, pressure(*entry.found)) : -infinite;
}

bool Objective::holds(const Entry& entry) const {
  return entry.found && fit::holds(budget_, *entry.found);
}

bool Objective::better(const Entry& a, const Entry& b) const {
  if (!a.found || !b.found) return a.found.has_value() && !b.found.has_value();
  if (constrained_ && holds(a) != holds(b)) return holds(a);
  const double score_a = (*this)(a);
  const double score_b = (*this)(b);
  return score_a != score_b ? score_a > score_b : a.found->latency_ms < b.found->latency_ms;
}

const Entry* best(const Ledger& ledger, const Objective& objective) {
  const Entry* leader = nullptr;
  for (const Entry& entry : ledger.entries()) {
    if (entry.found && (!leader || objective.better(entry, *leader))) leader = &entry;
  }
  return leader;
}

}  // namespace betimes::fit

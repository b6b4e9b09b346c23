#include "betimes/report/detail/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "betimes/report/detail/text.h"

namespace betimes::report::detail {
namespace {

constexpr double not_known = std::numeric_limits<double>::quiet_NaN();

bool is_similarity(const std::string& metric) { return metric == "cosine"; }

std::string speed_words(const fit::Result& result) {
  const double ratio = speedup(result);
  if (!std::isfinite(ratio) || ratio <= 0) return "speed not measured";
  if (ratio >= 1.005) return format_ratio(ratio) + " faster";
  if (ratio <= 0.995) return format_ratio(1 / ratio) + " slower";
  return "as fast as the original";
}

std::string quality_words(const fit::Result& result) {
  const double value = result.fitted.quality.value;
  if (result.fitted.quality.examples <= 0) return "quality not checked";
  if (result.metric == "agreement") {
    return fmt::format("same answer on {} % of the examples", format_short(100 * value, 2));
  }
  if (is_similarity(result.metric)) {
    return fmt::format("outputs {} similar", format_short(value, 5));
  }
  const std::string points = format_short(100 * std::abs(result.quality_change), 2);
  if (points == "0") return "no quality lost";
  return fmt::format("{} {} {}", points, points == "1" ? "point" : "points",
                     result.quality_change < 0 ? "lost" : "gained");
}

std::string budget_words(const fit::Result& result) {
  const auto& budget = result.budget;
  const auto bound = binding_bound(budget, result.fitted.latency);
  if (bound) {
    const double value = statistic(result.fitted.latency, bound->statistic);
    const bool within = value <= bound->milliseconds;
    if (within == result.met) {
      return fmt::format("{} {} {} the {} ms budget", bound->statistic, format_ms(value),
                         within ? "within" : "over", format_short(bound->milliseconds, 4));
    }
  }
  if (result.met) return "budget met";
  if (budget.quality_floor && result.fitted.quality.value < *budget.quality_floor) {
    return fmt::format("quality {} under the floor of {}",
                       format_quality(result.metric, result.fitted.quality.value),
                       format_quality(result.metric, *budget.quality_floor));
  }
  const auto memory = result.fitted.memory_bytes;
  if (budget.memory && memory > *budget.memory) {
    return fmt::format("memory {} over the {} allowed", format_bytes(static_cast<double>(memory)),
                       format_bytes(static_cast<double>(*budget.memory)));
  }
  return "budget not met";
}

Change parse_change(const std::string& text) {
  const size_t arrow = text.rfind(" -> ");
  const size_t colon = arrow == std::string::npos ? arrow : text.rfind(": ", arrow);
  if (colon == std::string::npos) return {text, "", ""};
  return {text.substr(0, colon), text.substr(colon + 2, arrow - colon - 2), text.substr(arrow + 4)};
}

void add_steps(const measure::Profile& profile, bool after, std::vector<Layer>& rows,
               std::map<std::string, size_t>& row_of) {
  for (const auto& step : profile.steps) {
    const auto [found, is_new] = row_of.emplace(step.name, rows.size());
    if (is_new) rows.push_back({step.name, step.op, "", "", 0, 0});
    Layer& row = rows[found->second];
    (after ? row.precision_after : row.precision_before) = step.precision;
    (after ? row.after_ms : row.before_ms) += step.median_ms;
  }
}

}  // namespace

double statistic(const measure::Latency& latency, const std::string& name) {
  if (name == "p50") return latency.p50.value;
  if (name == "p90") return latency.p90.value;
  if (name == "p99") return latency.p99.value;
  if (name == "mean") return latency.mean_ms;
  return not_known;
}

std::optional<fit::Bound> binding_bound(const fit::Budget& budget,
                                        const measure::Latency& latency) {
  const auto pressure = [&](const fit::Bound& bound) {
    return bound.milliseconds > 0 ? statistic(latency, bound.statistic) / bound.milliseconds : 0;
  };
  const auto most = std::max_element(
      budget.bounds.begin(), budget.bounds.end(),
      [&](const fit::Bound& a, const fit::Bound& b) { return pressure(a) < pressure(b); });
  if (most == budget.bounds.end()) return std::nullopt;
  return *most;
}

double speedup(const fit::Result& result) {
  const double fitted = result.fitted.latency.p50.value;
  return fitted > 0 ? result.original.latency.p50.value / fitted : not_known;
}

Distance distance(const fit::Result& result) {
  Distance found{not_known, not_known};
  const fit::Point& chosen = result.chosen;
  if (chosen.measured_ms && result.fastest_ms > 0) {
    found.slower_than_fastest = *chosen.measured_ms / result.fastest_ms;
  }
  if (result.fitted.quality.examples > 0 && result.best_quality > 0) {
    found.quality_lost = result.best_quality - result.fitted.quality.value;
  }
  return found;
}

std::string format_quality(const std::string& metric, double quality) {
  if (!std::isfinite(quality)) return "-";
  return is_similarity(metric) ? fmt::format("{:.4f}", quality)
                               : fmt::format("{:.2f} %", 100 * quality);
}

std::string format_quality_change(const std::string& metric, double change) {
  if (!std::isfinite(change)) return "-";
  return is_similarity(metric) ? fmt::format("{:+.4f}", change)
                               : fmt::format("{:+.2f} points", 100 * change);
}

std::string headline(const fit::Result& result) {
  return fmt::format("{}, {}, {}", speed_words(result), quality_words(result),
                     budget_words(result));
}

std::vector<Change> parse_changes(const std::vector<std::string>& changes) {
  std::vector<Change> parsed;
  parsed.reserve(changes.size());
  std::transform(changes.begin(), changes.end(), std::back_inserter(parsed), parse_change);
  return parsed;
}

std::vector<ChangeGroup> group_changes(const fit::Result& result) {
  std::vector<ChangeGroup> groups;
  std::map<std::pair<std::string, std::string>, size_t> group_of;
  for (const Change& change : parse_changes(result.changes)) {
    const auto [found, is_new] = group_of.emplace(std::pair(change.from, change.to), groups.size());
    if (is_new) groups.emplace_back();
    ChangeGroup& group = groups[found->second];
    group.names.push_back(change.what);
    group.title = change.to.empty() ? "" : change.from + " -> " + change.to;
  }
  std::set<std::string> knobs;
  for (const auto& sensitivity : result.sensitivities) knobs.insert(sensitivity.node);
  for (ChangeGroup& group : groups) {
    if (group.title.empty()) {
      group.title = "other";
    } else if (group.names.size() == 1 && !knobs.contains(group.names[0])) {
      group.title = group.names[0] + ": " + group.title;
    } else {
      const bool all_known =
          std::all_of(group.names.begin(), group.names.end(),
                      [&](const std::string& name) { return knobs.contains(name); });
      const std::string of = all_known ? fmt::format(" of {}", knobs.size()) : "";
      group.title = fmt::format("{}{} nodes: {}", group.names.size(), of, group.title);
    }
  }
  std::stable_sort(groups.begin(), groups.end(), [](const ChangeGroup& a, const ChangeGroup& b) {
    return a.names.size() > b.names.size();
  });
  return groups;
}

std::vector<Layer> layers(const fit::Result& result) {
  std::vector<Layer> rows;
  std::map<std::string, size_t> row_of;
  add_steps(result.original.profile, false, rows, row_of);
  add_steps(result.fitted.profile, true, rows, row_of);
  std::stable_sort(rows.begin(), rows.end(), [](const Layer& a, const Layer& b) {
    return std::max(a.before_ms, a.after_ms) > std::max(b.before_ms, b.after_ms);
  });
  return rows;
}

std::optional<BudgetLine> budget_line(const fit::Result& result) {
  const measure::Latency& latency = result.fitted.latency;
  const auto bound = binding_bound(result.budget, latency);
  if (!bound) return std::nullopt;
  const double value = statistic(latency, bound->statistic);
  const double scale = value > 0 ? latency.p50.value / value : 1;
  return BudgetLine{bound->statistic, bound->milliseconds, bound->milliseconds * scale};
}

}  // namespace betimes::report::detail

#include <fmt/format.h>

#include <algorithm>

#include "systems/hardware/preroutgnn/reproduce_parts.h"

namespace betimes::systems::preroutgnn {
namespace {

using system::Estimate;

const std::vector<double>* values_of(const Compared& found, const std::string& metric,
                                     const std::string& name) {
  const auto methods = found.scores.find(metric);
  if (methods == found.scores.end()) return nullptr;
  const auto values = methods->second.find(name);
  return values == methods->second.end() ? nullptr : &values->second;
}

std::string seeds_text(size_t seeds) {
  return fmt::format("{} seed{}", seeds, seeds == 1 ? "" : "s");
}

/// a - b over the seeds; a `b` that learns nothing has one value for all. Nullopt where one has
/// none.
std::optional<Estimate> apart(const Compared& found, const std::string& metric,
                              const std::string& a, const std::string& b) {
  const auto *left = values_of(found, metric, a), *right = values_of(found, metric, b);
  if (left == nullptr || right == nullptr) return std::nullopt;
  const bool fixed = b == method::straight || b == method::routed_trees;
  const size_t seeds = fixed ? left->size() : std::min(left->size(), right->size());
  system::Scores scores;
  for (size_t i = 0; i < seeds; ++i) {
    scores.add(metric, "apart", (*left)[i] - (*right)[fixed ? 0 : i]);
  }
  Estimate estimate = scores.mean(metric, "apart");
  estimate.note = seeds_text(seeds);
  return estimate;
}

void give(system::Study& study, const char* id, const std::optional<Estimate>& estimate) {
  if (estimate) {
    study.evidence(id, *estimate);
  } else {
    study.not_shown(id, "slack doesn't vary on any of the test designs");
  }
}

std::optional<Estimate> mean_of(const Compared& found, const std::string& metric,
                                const std::string& name) {
  const auto* values = values_of(found, metric, name);
  if (values == nullptr) return std::nullopt;
  system::Scores scores;
  for (const double each : *values) scores.add(metric, name, each);
  Estimate estimate = scores.mean(metric, name);
  estimate.note = seeds_text(values->size());
  return estimate;
}

/// What `with` its increments brings on the deepest quarter of endpoints, or how much more that is
/// than on the shallowest, whichever is less: losing less on the deep ones is no gain.
std::optional<Estimate> deep_gain(const Compared& found, const std::string& with) {
  const std::string shallow = metric::quartile(0), deep = metric::quartile(depth_quartiles - 1);
  system::Scores scores;
  size_t seeds = 0;
  const auto *a = values_of(found, deep, with), *b = values_of(found, deep, method::nonresidual),
             *c = values_of(found, shallow, with),
             *d = values_of(found, shallow, method::nonresidual);
  if (a == nullptr || b == nullptr || c == nullptr || d == nullptr) return std::nullopt;
  for (; seeds < std::min({a->size(), b->size(), c->size(), d->size()}); ++seeds) {
    const double gain = (*a)[seeds] - (*b)[seeds];
    scores.add("gap", "gain", std::min(gain, gain - ((*c)[seeds] - (*d)[seeds])));
  }
  Estimate estimate = scores.mean("gap", "gain");
  estimate.note = seeds_text(seeds);
  return estimate;
}

system::Cell cell(const Compared& found, const std::string& metric, const std::string& name) {
  const auto estimate = mean_of(found, metric, name);
  if (!estimate) return std::string("-");
  return estimate->value;
}

system::Table table(const Compared& found, const std::string& title,
                    const std::vector<std::string>& metrics) {
  system::Table made{title, {"method"}, {}};
  for (const std::string& each : metrics) made.columns.push_back(each);
  for (const std::string& name : found.names) {
    std::vector<system::Cell> row = {name};
    for (const std::string& each : metrics) row.push_back(cell(found, each, name));
    made.rows.push_back(std::move(row));
  }
  return made;
}

system::Table by_design(const Compared& found) {
  system::Table made{"R2 of endpoint slack by test design, first seed", {"method"}, {}};
  made.columns.insert(made.columns.end(), found.first.at(found.names[0]).designs.begin(),
                      found.first.at(found.names[0]).designs.end());
  for (const std::string& name : found.names) {
    std::vector<system::Cell> row = {name};
    for (const std::optional<double>& each : found.first.at(name).slack_by_design) {
      if (each) {
        row.emplace_back(*each);
      } else {
        row.emplace_back(std::string("constant"));
      }
    }
    made.rows.push_back(std::move(row));
  }
  return made;
}

system::Picture picture(const Compared& found) {
  system::Picture made{"R2 of endpoint slack by depth, unseen designs",
                       "quarter of a design's endpoints, shallow to deep",
                       "R2",
                       false,
                       false,
                       {}};
  for (const std::string& name : {method::published, method::full, method::nonresidual,
                                  method::timinggcn, method::trees, method::straight}) {
    system::Series series{name, {}, {}, {}, {}, true};
    for (size_t q = 0; q < depth_quartiles; ++q) {
      const auto estimate = mean_of(found, metric::quartile(q), name);
      if (!estimate) continue;
      series.x.push_back(static_cast<double>(q + 1));
      series.y.push_back(estimate->value);
    }
    if (!series.x.empty()) made.series.push_back(std::move(series));
  }
  return made;
}

}  // namespace

std::string metric::quartile(size_t index) { return fmt::format("quarter {}", index + 1); }

void report_methods(system::Study& study, const Compared& found) {
  study.table(table(found, "R2 on unseen designs",
                    {metric::slack, metric::pooled, metric::arrival, metric::slew,
                     metric::net_delay, metric::cell_delay}));
  std::vector<std::string> quarters;
  for (size_t q = 0; q < depth_quartiles; ++q) quarters.push_back(metric::quartile(q));
  study.table(
      table(found, "R2 of endpoint slack by depth, quarters of each design's endpoints", quarters));
  study.table(by_design(found));
  study.table(table(found, "Seconds, an auto-encoder's training apart", {metric::seconds}));
  study.picture(picture(found));
  std::string seeds;
  for (const std::string& name : found.names) {
    const auto* values = values_of(found, metric::seconds, name);
    seeds += fmt::format("{}{}: {}", seeds.empty() ? "" : ", ", name, values->size());
  }
  study.note(fmt::format("Seeds behind each method: {}.", seeds));
  for (const std::string& design : found.first.at(method::full).skipped) {
    study.note(fmt::format("The slack of {} doesn't vary: it is left out of means.", design));
  }
  if (study.quick()) return;
  const auto over = [&](const std::string& one, const std::string& rival) {
    return apart(found, metric::slack, one, rival);
  };
  give(study, "slack-r2", mean_of(found, metric::slack, method::published));
  give(study, "over-nonresidual", over(method::published, method::nonresidual));
  give(study, "over-timinggcn", over(method::published, method::timinggcn));
  give(study, "gap-by-depth", deep_gain(found, method::published));
  give(study, "over-straight", over(method::published, method::straight));
  give(study, "over-gcnii", over(method::published, method::gcnii));
  give(study, "over-trees", over(method::published, method::trees));
  give(study, "cells-r2", mean_of(found, metric::slack, method::full));
  for (const auto& [id, rival] :
       {std::pair("cells-over-nonresidual", method::nonresidual),
        std::pair("cells-over-timinggcn", method::timinggcn),
        std::pair("cells-over-published", method::published),
        std::pair("attention", method::no_attention), std::pair("pre-training", method::no_code),
        std::pair("cells-over-straight", method::straight),
        std::pair("cells-over-tree-wires", method::routed_trees),
        std::pair("cells-over-trees", method::trees)}) {
    give(study, id, over(method::full, rival));
  }
  give(study, "partitioned", over(method::unpartitioned, method::full));
  give(study, "cells-gap-by-depth", deep_gain(found, method::full));
}

}  // namespace betimes::systems::preroutgnn

#include <algorithm>
#include <cmath>

#include "betimes/base/statistics.h"
#include "betimes/fit/artefact.h"
#include "betimes/fit/detail/fitting.h"

namespace betimes::fit {
namespace {

constexpr int profiled_runs = 50;

}  // namespace

void Fitting::fill_quality(Result& result, const Trial& trial) const {
  progress(0.9, "quality on " + std::to_string(task_.test.size()) + " test examples");
  const auto plan = variants_->compile({}, 1);
  const Predictions reference = predict(plan, task_.test.inputs, workers());
  const Predictions found =
      trial.assignment.lowered.empty()
          ? reference
          : predict(variants_->compile(trial.assignment, 1), task_.test.inputs, workers());
  const auto before = scores(metric_, reference, reference, task_.test.labels);
  const auto after = scores(metric_, found, reference, task_.test.labels);
  result.original.quality = judge::summarize(before);
  result.fitted.quality = judge::summarize(after);
  const Interval change = paired_interval(before, after, 0.95);
  result.quality_change = mean(after) - mean(before);
  result.quality_change_low = change.low;
  result.quality_change_high = change.high;
  const auto same = judge::make_metric(reference.rows.shape()[1] > 1 ? "agreement" : "cosine");
  result.agreement = judge::summarize(scores(*same, found, reference, {}));
}

void Fitting::fill_points(Result& result, size_t chosen) const {
  const std::vector<Candidate> all = candidates();
  const std::vector<size_t> front = pareto(all);
  // What a unit of output error costs in quality, from the variant that has most of it.
  double slope = 0;
  const auto worst = std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.output_error < b.output_error;
  });
  if (worst->output_error > 0) {
    slope = std::max(reference_quality_ - worst->quality, 0.0) / worst->output_error;
  }
  result.fastest_ms = all[front.front()].latency.p50.value;
  double best = 0;
  for (size_t i = 0; i < trials_.size(); ++i) {
    const Trial& trial = trials_[i];
    Point point;
    const size_t lowered = trial.assignment.lowered.size();
    point.label = lowered == 0 ? "original"
                               : std::to_string(lowered) + " of " +
                                     std::to_string(variants_->nodes().size()) + " nodes lowered";
    if (options_.threads.size() > 1) {
      point.label += ", " + std::to_string(trial.assignment.threads) + " threads";
    }
    point.setting = to_setting(trial.assignment);
    point.predicted_ms = trial.predicted_ms * trial.pace;
    point.measured_ms = trial.found.latency.p50.value;
    point.quality = judge::summarize(trial.scores);
    point.predicted_quality = reference_quality_ - slope * trial.predicted_loss;
    point.on_frontier = std::find(front.begin(), front.end(), i) != front.end();
    best = std::max(best, point.quality.value);
    if (i == chosen) {
      result.chosen = point;
      result.chosen.predicted_ms = trial.predicted_ms * original_latency_.p50.value /
                                   models_.at(trial.assignment.threads).predict(*original_plan_);
    }
    result.points.push_back(std::move(point));
  }
  // Variants are compared on the validation examples; the difference is carried over to the test's.
  result.best_quality = result.fitted.quality.value + best - result.chosen.quality.value;
  std::stable_partition(result.points.begin(), result.points.end(),
                        [](const Point& point) { return point.label.starts_with("original"); });
}

void Fitting::fill_sensitivities(Result& result, const Trial& trial) const {
  const LatencyModel& model = models_.at(trial.assignment.threads);
  for (const graph::Node& node : variants_->prepared().nodes) {
    for (const Precision precision : variants_->precisions()) {
      const auto loss = losses_.find({node.name, precision});
      if (loss == losses_.end()) continue;
      Sensitivity each;
      each.node = node.name;
      each.op = node.op;
      each.precision = std::string(name(precision));
      each.quality_drop = drops_.at({node.name, precision});
      each.output_error = loss->second;
      each.original_ms = model.node_ms(node.name, Precision::fp32);
      each.lowered_ms = model.node_ms(node.name, precision);
      if (!std::isfinite(each.lowered_ms)) each.lowered_ms = each.original_ms;
      each.chosen = trial.assignment.of(node.name) == precision;
      if (each.chosen) result.changes.push_back(node.name + ": fp32 -> " + each.precision);
      result.sensitivities.push_back(std::move(each));
    }
  }
}

Fitted Fitting::report(size_t chosen) {
  const Trial& trial = trials_[chosen];
  Fitted fitted;
  Result& result = fitted.result;
  result.model = options_.model;
  result.task = task_.name;
  result.metric = metric_.name();
  result.budget = budget_;
  result.budget_was_chosen = !options_.budget;
  result.threads = trial.assignment.threads;
  result.seed = options_.seed;
  result.original.latency = original_latency_;
  result.fitted.latency = fitted_latency_;
  result.original.memory_bytes = memory_of(*original_plan_);
  result.fitted.memory_bytes = trial.found.memory_bytes;
  progress(0.87, "profiling before and after");
  const auto profiles = timing_->profiles({original_plan_, trial.plan}, profiled_runs,
                                          trial.assignment.threads, options_.seed);
  result.original.profile = profiles[0];
  result.fitted.profile = profiles[1];
  fill_quality(result, trial);
  fill_points(result, chosen);
  fill_sensitivities(result, trial);
  progress(0.98, "describing the machine");
  result.machine = timing_->machine(trial.assignment.threads);
  result.predicted_for = timing_->predicted_for();
  if (options_.device) {
    for (const std::string& each : cost::cautions(options_.device->device())) {
      result.cautions += " " + each;
    }
  }
  result.met =
      met_ && (!budget_.quality_floor || result.fitted.quality.value >= *budget_.quality_floor);
  result.seconds = elapsed();
  result.verdict = verdict(result);
  fitted.graph = artefact(original_, variants_->build(trial.assignment), trial.assignment, result);
  return fitted;
}

}  // namespace betimes::fit

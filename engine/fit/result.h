#pragma once

#include <optional>
#include <string>
#include <vector>

#include "betimes/fit/budget.h"
#include "betimes/fit/setting.h"
#include "betimes/judge/task.h"
#include "betimes/measure/latency.h"
#include "betimes/measure/machine.h"
#include "betimes/measure/profile.h"

namespace betimes::fit {

/// One variant of the model: what was chosen, what it was expected to cost, what it did cost.
struct Point {
  std::string label;  // "original", "fastest", "37 of 41 nodes int8", ...
  Setting setting;
  double predicted_ms = 0;            // p50
  std::optional<double> measured_ms;  // p50, where it was run end to end
  judge::Quality quality;
  double predicted_quality = 0;  // before it was checked on data
  bool on_frontier = false;
};

/// What one node would lose and gain by a lower precision, each node changed alone.
struct Sensitivity {
  std::string node;
  std::string op;
  std::string precision;    // the lower precision tried
  double quality_drop = 0;  // in points of quality, on validation data
  double output_error = 0;  // 1 - cosine similarity of the model's outputs to the original's
  double original_ms = 0;   // the node at fp32
  double lowered_ms = 0;    // the node at `precision`
  bool chosen = false;      // the fitted variant has it at `precision`
};

/// One of the two variants that the report sets side by side.
struct Variant {
  measure::Latency latency;
  measure::Profile profile;
  judge::Quality quality;  // on test data
  size_t file_bytes = 0;
  size_t memory_bytes = 0;  // weights + activations
};

/// Everything a fit found; the table, the JSON object and the HTML report are made from it.
struct Result {
  std::string model;
  std::string task;  // what data, how many examples of each part
  std::string metric;
  Budget budget;
  bool budget_was_chosen = false;  // by us, at the knee of the frontier
  bool met = false;
  std::string verdict;  // one sentence, the reason included when the budget isn't met
  Variant original;
  Variant fitted;
  Point chosen;
  std::vector<std::string> changes;  // "conv1: fp32 -> int8", ...
  std::vector<Point> points;         // everything tried, the original first
  std::vector<Sensitivity> sensitivities;
  double fastest_ms = 0;      // p50 of the fastest variant tried
  double best_quality = 0;    // fitted.quality plus the lead of the best variant tried (validation)
  judge::Quality agreement;   // of fitted with original on test data, paired
  double quality_change = 0;  // fitted - original, paired on the same test examples
  double quality_change_low = 0;
  double quality_change_high = 0;
  measure::Machine machine;
  std::string predicted_for;  // a device whose times these are, by prediction; empty: measured here
  std::string cautions;       // of such predictions: sentences, each after a space
  int threads = 1;
  uint64_t seed = 0;
  double seconds = 0;
  std::string artefact;  // paths
  std::string report;
  std::string date;  // when, as the caller says it (ISO 8601); empty: left out
};

}  // namespace betimes::fit

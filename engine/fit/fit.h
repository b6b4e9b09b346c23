#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "betimes/cost/device_model.h"
#include "betimes/fit/result.h"
#include "betimes/fit/sensitivity.h"
#include "betimes/fit/variant.h"
#include "betimes/graph/graph.h"
#include "betimes/judge/metric.h"

namespace betimes::fit {

struct FitOptions {
  std::string model;  // how messages and the report call it
  /// Without one, the budget is set at the knee of the frontier.
  std::optional<Budget> budget;
  std::map<std::string, Shape> shapes;
  std::vector<int> threads = {1};  // several make it a knob
  uint64_t seed = 1;
  double max_seconds = 45;  // aim, for the whole fit
  /// How it is found out what each node's precision costs in quality; each node alone without one.
  std::shared_ptr<const SensitivityMethod> sensitivity;
  /// Fits for this device by prediction; its number of threads should be the one in `threads`.
  /// Null: for this machine, by measuring.
  std::shared_ptr<const cost::DeviceModel> device = {};
  /// Called with the fraction done and what is being done.
  std::function<void(double, const std::string&)> progress;
};

struct Fitted {
  graph::Graph graph;  // the artefact: QDQ nodes where int8 was chosen, metadata with the evidence
  Result result;       // paths are left to the caller
};

/// The best variant of `original` under the budget on this machine (or for options.device, where
/// "measures" below is "predicts"): calibrates, finds what each
/// node loses and gains by lower precision, solves the knapsack for several budgets, measures the
/// resulting frontier end to end, repairs the choice until what is measured keeps the budget, and
/// verifies it on the task's test part. Where nothing keeps the budget the nearest is returned,
/// with result.met == false. Throws Error for models and tasks that can't be fitted.
Fitted fit(const graph::Graph& original, const judge::Task& task, const judge::Metric& metric,
           const FitOptions& options);

/// A task from one set of examples: shuffled by the seed, then split into calibration (a fifth, at
/// most 512), validation (three tenths, at most 2,000) and test (the rest).
judge::Task split(const judge::Examples& all, const std::string& name, uint64_t seed);

/// A task of synthetic inputs for models that come without data: smooth random fields, uniform in
/// [0, 1) before the model's own scaling. The quality is then agreement with the original only.
judge::Task synthetic_task(const TensorType& input, int64_t examples, uint64_t seed);

}  // namespace betimes::fit

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "betimes/cost/explain.h"
#include "betimes/runtime/plan.h"

namespace betimes::report {

/// What `betimes predict` found for one model.
struct PredictedCost {
  std::string model;
  cost::Device device;
  std::vector<runtime::StepInfo> steps;
  cost::Prediction prediction;                // as many steps
  std::vector<std::string> notes;             // what makes it less certain than the interval says
  bool explained = false;                     // asked for: steps one by one
  std::vector<cost::Neighbour> nearest = {};  // per step, of the device's table; empty: it has none
  std::optional<cost::Explanation> measured = {};  // on the device itself
};

/// The object that `predict --json` prints for one model; documented in docs/json.md.
std::string render_json(const PredictedCost& predicted);
/// A list of such objects.
std::string render_json(const std::vector<PredictedCost>& predicted);
std::string render_text(const PredictedCost& predicted, int width);
/// One line a model.
std::string render_text(const std::vector<PredictedCost>& predicted, int width);

}  // namespace betimes::report

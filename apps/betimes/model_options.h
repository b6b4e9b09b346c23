#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "betimes/cost/device.h"
#include "betimes/graph/graph.h"
#include "betimes/runtime/dynamic_session.h"

namespace CLI {
class App;
}

namespace betimes::cli {

/// Options of the verbs that take one model and run it as it is.
struct ModelOptions {
  std::string model;                // empty: the embedded default
  std::optional<int> threads;       // nullopt: what a fitted file says, else 1
  std::string isa;                  // empty: the best there is
  std::vector<std::string> values;  // "name=16000": inputs fixed to a value
  bool json = false;
};
void declare_model_options(CLI::App& command, ModelOptions& options);

/// How the plans of a model that is run are made.
struct PlanOptions {
  bool huge_pages = false;
  std::vector<std::string> buckets;  // "N=8,16,32"
};
void declare_plan_options(CLI::App& command, PlanOptions& options);

/// A model as a verb works on it.
struct OpenedModel {
  std::string name;  // the file's path, or the embedded default's name
  graph::Graph graph;
  size_t file_bytes = 0;
  runtime::CompileOptions compile;  // threads and precisions, from the options and the file
};
/// Caps the instruction set, then reads the model. Call before anything is compiled.
OpenedModel open_model(const ModelOptions& options);

/// The model for a session that takes any shapes, with these plans.
runtime::DynamicOptions dynamic_options(const OpenedModel& opened, const PlanOptions& plans);

/// --isa, for a verb that has no model.
void declare_isa(CLI::App& command, std::string& isa);
/// Caps the instruction set as --isa says, if it was given; call before anything is compiled.
void apply_isa(const std::string& isa);
/// Caps it at the device's level where this machine has that; else the best here stands in for it.
void apply_level_of(const cost::Device& device);

}  // namespace betimes::cli

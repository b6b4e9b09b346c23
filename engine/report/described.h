#pragma once

#include <string>

#include "betimes/graph/graph.h"
#include "betimes/runtime/plan.h"

namespace betimes::report {

/// What `betimes show` tells of a model, and of the plan it becomes here.
struct Described {
  std::string model;
  size_t file_bytes = 0;
  graph::Graph graph;
  std::shared_ptr<const runtime::Plan> plan;
  std::string isa;
};

/// The object that `show --json` prints; documented in docs/json.md.
std::string render_json(const Described& described);
/// For a terminal of `width` columns; `verbose` adds every step of the plan with its kernel and why
/// better ones were passed over.
std::string render_text(const Described& described, int width, bool verbose);

/// Elements of the constants that are weights: all but shapes and indices (int64) and flags.
int64_t parameter_count(const graph::Graph& graph);

}  // namespace betimes::report

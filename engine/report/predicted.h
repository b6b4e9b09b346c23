#pragma once

#include <optional>
#include <string>
#include <vector>

#include "betimes/runtime/dynamic_session.h"
#include "betimes/tensor/tensor.h"

namespace betimes::report {

/// One output of a model that `betimes run` computed.
struct PredictedOutput {
  std::string name;
  Tensor value;
  std::string file;  // where it was written; empty when it wasn't
};

/// What `betimes run` did.
struct Predicted {
  std::string model;
  int threads = 1;
  std::string isa;
  double run_ms = 0;  // of the one run, the first: see `betimes measure` for latency
  std::vector<PredictedOutput> outputs;
  std::optional<runtime::PlanCounts> counts = {};  // of a run by a dynamic session
  std::optional<size_t> huge_page_bytes = {};      // what lies there, where they were asked for
};

/// The object that `run --json` prints; documented in docs/json.md.
std::string render_json(const Predicted& predicted);
/// Each output's name, type and best five classes, or its first values where it is no score of
/// classes.
std::string render_text(const Predicted& predicted);

}  // namespace betimes::report

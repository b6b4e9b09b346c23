#pragma once

#include <memory>
#include <string>
#include <vector>

#include "betimes/graph/graph.h"
#include "betimes/runtime/plan.h"

namespace CLI {
class App;
}

namespace betimes::cli {

/// Options of the verbs that take one model and run it as it is.
struct ModelOptions {
  std::string model;
  int threads = 1;
  std::string isa;  // empty: the best there is
  bool json = false;
};
void declare_model_options(CLI::App& command, ModelOptions& options);

/// Caps the instruction set as --isa says; call before anything is compiled.
void apply_isa(const ModelOptions& options);

}  // namespace betimes::cli

#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "betimes/graph/specialize.h"

namespace betimes::graph {

/// A rewrite that keeps what the graph computes. Returns how many places it changed.
struct Pass {
  std::string name;
  std::function<int(StaticGraph&)> run;
};

struct PassOptions {
  std::set<std::string> disabled;  // by name; an unknown name throws Error
  /// After each pass that changed something, compare the graph's outputs on seeded random inputs
  /// with those before, and throw when they differ: finds the wrong pass without bisection.
  bool verify = false;
};

struct PassReport {
  std::string pass;
  int changes = 0;
};

/// Runs the passes in order, infers types of values they created, and removes what became dead.
std::vector<PassReport> run_passes(StaticGraph& graph, const std::vector<Pass>& passes,
                                   const PassOptions& options = {});

}  // namespace betimes::graph

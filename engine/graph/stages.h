#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "betimes/graph/specialize.h"

namespace betimes::graph {

/// A graph cut where shapes or branches hang on values that only a run gives. The parts run one
/// after the other: `ready`; then each node of `between`, with its inputs' values known; then
/// `rest`, which is cut again for the shapes that its inputs turn out to have.
struct Stages {
  /// Everything that follows from the inputs' shapes. Its outputs are the graph's that it gives,
  /// and what the other parts read.
  StaticGraph ready;
  std::vector<Node> between = {};
  std::map<std::string, Tensor> constants = {};  // that `between` reads
  /// No nodes: nothing is left. Its inputs have open shapes; those that `between` gives have no
  /// type yet (f32 is written). Its outputs are those of the graph that it gives.
  Graph rest = {};
  /// Inputs of `rest` whose values (sizes, axes, conditions) must be known before it is planned.
  std::set<std::string> steering = {};

  bool whole() const { return between.empty() && rest.nodes.empty(); }
};

/// Throws Error as specialize does, except for values that aren't known.
Stages cut(const Graph& graph, const std::map<std::string, Shape>& shapes,
           const SpecializeOptions& options = {});

/// The graph's inputs whose values decide where it is cut: small integers and booleans, such as a
/// sampling rate that chooses a branch. Given as SpecializeOptions::values they make the graph
/// whole, or cut it less often. Empty when none does.
std::set<std::string> deciding_inputs(const Graph& graph, const Stages& stages);

/// One node with all its inputs' values known, by its plain evaluator: outputs by name.
std::map<std::string, Tensor> evaluate_node(const Node& node,
                                            const std::map<std::string, Tensor>& values);

}  // namespace betimes::graph

#pragma once

#include <map>
#include <string>

#include "betimes/graph/graph.h"

namespace betimes::graph {

/// A graph with every shape known: `types` has every value, constants included.
struct StaticGraph {
  Graph graph;
  std::map<std::string, TensorType> types;
};

struct SpecializeOptions {
  /// Inputs that become constants of these values.
  std::map<std::string, Tensor> values = {};
  /// Folding never makes a constant of more bytes than this that wasn't one, nor more than four
  /// times that in all.
  size_t fold_limit = size_t{64} << 20;
};

/// Fixes the input shapes, infers every other, folds what depends on constants only (shape
/// arithmetic included, so that exporters' Shape-Gather-Concat-Reshape chains disappear), and
/// writes If, Loop and Scan out: the branch taken, every iteration. `shapes` gives whole shapes by
/// input name. A symbol has one value over all inputs; symbols to which no shape gives a value, and
/// open extents without a shape, become 1. Throws Error for an unknown input name, a shape that
/// contradicts a declared extent or gives a symbol a second value, or a node whose inputs don't
/// fit; NeedsValue where a shape or a branch hangs on what is only known when the model runs (see
/// stages.h).
StaticGraph specialize(const Graph& graph, const std::map<std::string, Shape>& shapes = {},
                       const SpecializeOptions& options = {});

/// Runs a graph with the operators' plain evaluators; slow, portable, allocates. The oracle that
/// runtime tests and passes' verification compare with.
std::map<std::string, Tensor> evaluate(const Graph& graph,
                                       const std::map<std::string, Tensor>& inputs);
/// The same, keeping every intermediate value.
std::map<std::string, Tensor> evaluate_all(const Graph& graph,
                                           const std::map<std::string, Tensor>& inputs);

}  // namespace betimes::graph

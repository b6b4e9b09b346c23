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

/// Fixes the input shapes, infers every other, and folds what depends on constants only (shape
/// arithmetic included, so that exporters' Shape-Gather-Concat-Reshape chains disappear).
/// `shapes` gives whole shapes by input name. A symbol has one value over all inputs; symbols to
/// which no shape gives a value, and open extents without a shape, become 1.
/// Folding never makes a constant of more than `fold_limit` bytes that wasn't one, nor more than
/// four times that in all. Throws Error for an unknown input name, a shape that contradicts a
/// declared extent or gives a symbol a second value, or a node whose inputs don't fit.
StaticGraph specialize(const Graph& graph, const std::map<std::string, Shape>& shapes = {},
                       size_t fold_limit = size_t{64} << 20);

/// Runs a graph with the operators' plain evaluators; slow, portable, allocates. The oracle that
/// runtime tests and passes' verification compare with.
std::map<std::string, Tensor> evaluate(const Graph& graph,
                                       const std::map<std::string, Tensor>& inputs);
/// The same, keeping every intermediate value.
std::map<std::string, Tensor> evaluate_all(const Graph& graph,
                                           const std::map<std::string, Tensor>& inputs);

}  // namespace betimes::graph

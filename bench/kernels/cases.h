#pragma once

#include <optional>
#include <string>
#include <vector>

#include "betimes/graph/graph.h"

namespace betimes::bench {

/// One operator as a graph of one node.
struct OperatorCase {
  std::string name;
  graph::Graph graph;
};

/// Reads bench/operators.json; weights are random from a fixed seed. Throws Error when the list
/// can't be read.
std::vector<OperatorCase> read_operators(const std::string& path);

/// The same operator with QuantizeLinear and DequantizeLinear around it; nullopt where the operator
/// isn't one that int8 is for.
std::optional<graph::Graph> as_int8(const graph::Graph& graph);

}  // namespace betimes::bench

#pragma once

#include "betimes/graph/graph.h"

namespace betimes::import::detail {

/// Rewrites nodes that mean what ONNX's default domain says at `opset` into nodes that mean the
/// same at graph::canonical_opset, and Constant nodes into constants. Nodes may come in any order.
/// Throws Error naming the node that has no equal form.
void to_canonical(graph::Graph& graph, int opset);

bool is_constant_node(const graph::Node& node);
/// The value of a Constant node; throws Error for kinds that aren't tensors of numbers.
Tensor constant_value(const graph::Node& node);

}  // namespace betimes::import::detail

#pragma once

#include "betimes/graph/graph.h"

namespace betimes::import::detail {

/// Rewrites nodes that mean what ONNX's default domain says at `opset` into nodes that mean the
/// same at graph::canonical_opset, and Constant nodes into constants. Nodes may come in any order.
/// Throws Error naming the node that has no equal form.
void to_canonical(graph::Graph& graph, int opset);

}  // namespace betimes::import::detail

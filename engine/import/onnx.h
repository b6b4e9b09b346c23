#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "betimes/graph/graph.h"

namespace betimes::import {

/// Reads an ONNX model (opsets 7 to 21) into canonical form. Weights listed as inputs too (IR 3)
/// become constants. Throws Error naming the node for anything that isn't supported, and for files
/// that are malformed, truncated or cyclic; what is allocated is bounded by the file's size.
graph::Graph read_onnx(const std::string& path);
/// The same from memory; `where` names the source in messages.
graph::Graph parse_onnx(std::span<const std::byte> bytes, const std::string& where);

/// Writes the graph as an ONNX file of graph::canonical_opset, metadata as metadata_props. The file
/// appears whole or not at all.
void write_onnx(const graph::Graph& graph, const std::string& path);
std::string serialize_onnx(const graph::Graph& graph);

}  // namespace betimes::import

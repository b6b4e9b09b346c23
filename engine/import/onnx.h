#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "betimes/graph/graph.h"

namespace betimes::import {

/// The operator sets of ONNX's default domain that are read.
inline constexpr int oldest_opset = 7;
inline constexpr int newest_opset = 21;

/// Reads an ONNX model (opsets 7 to 21) into canonical form: every node has the meaning of
/// graph::canonical_opset, Constant nodes and weights listed as inputs too (IR 3) are constants,
/// the graph is validated. Tensors kept in files beside the model (external data) are read when
/// they lie in the model's directory. Throws Error naming the file and the node for anything that
/// isn't supported, and for files that are malformed, truncated or cyclic; what is allocated is
/// bounded by the size of the files.
graph::Graph read_onnx(const std::string& path);
/// The same from memory; `where` names the source in messages. External data is refused.
graph::Graph parse_onnx(std::span<const std::byte> bytes, const std::string& where);

/// One tensor as ONNX's test data keeps it (a TensorProto, most often in a .pb file).
Tensor read_onnx_tensor(const std::string& path);

/// Writes the graph as an ONNX file of graph::canonical_opset, IR version 8, metadata as
/// metadata_props. Equal graphs give equal bytes. The file appears whole or not at all. Throws
/// Error where the graph needs more than the 2 GiB that one ONNX file can have.
void write_onnx(const graph::Graph& graph, const std::string& path);
std::string serialize_onnx(const graph::Graph& graph);

}  // namespace betimes::import

#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "betimes/fit/calibrate.h"
#include "betimes/graph/specialize.h"

namespace betimes::fit {

/// Nodes that may be computed in lower precision: convolutions and matrix products with constant
/// float weights.
std::vector<std::string> lowerable_nodes(const graph::Graph& graph);

/// The values that carry 8-bit numbers when `nodes` are computed in int8: their inputs, what lies
/// before these through operators that only move values (pooling, reshaping, concatenation), and
/// the other operand of a residual addition that ends such a node. Values that must share one scale
/// have the same class.
std::map<std::string, int> quantized_values(const graph::Graph& graph,
                                            const std::set<std::string>& nodes);

/// All values that carry 8-bit numbers when any part of `nodes` is computed in int8: what has to be
/// watched before the part is chosen. A residual addition ends the last of its lowered operands, so
/// which other operand is marked hangs on the part.
std::set<std::string> observed_values(const graph::Graph& graph,
                                      const std::vector<std::string>& nodes);

struct QuantizeOptions {
  /// Weights in [-64, 64] rather than [-127, 127]: exact where 8-bit products are summed in pairs
  /// in 16 bits (processors without VNNI), at the cost of one bit.
  bool reduced_range = false;
};

/// `graph` with QuantizeLinear and DequantizeLinear around `nodes`: activations as uint8 with one
/// scale and zero point each, weights as int8 with a scale per output channel, biases as int32.
/// Standard ONNX (opset 13 on), computed by any runtime. `ranges` has every quantized value.
graph::Graph quantize(const graph::Graph& graph, const std::set<std::string>& nodes,
                      const std::map<std::string, Range>& ranges,
                      const QuantizeOptions& options = {});

}  // namespace betimes::fit

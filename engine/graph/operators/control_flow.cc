// If, Loop and Scan are written out where a graph is specialised (detail/control_flow.cc): what
// remains to be run has none of them.
#include <stdexcept>

#include "betimes/graph/operator.h"

namespace betimes::graph {
namespace {

std::vector<TensorType> infer(const NodeContext& context) {
  throw NeedsValue(context.node, 0, "what steers it");
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType> /*outputs*/) {
  throw std::logic_error(describe(context.node) + " was not written out");
}

constexpr AttributeKind integer = AttributeKind::integer;
constexpr AttributeKind integers = AttributeKind::integers;
constexpr AttributeKind body = AttributeKind::graph;

}  // namespace

void register_control_flow(OperatorRegistry& registry) {
  registry.add({.name = "If",
                .max_inputs = -1,
                .max_outputs = -1,
                .attributes = {{"then_branch", body}, {"else_branch", body}, {"captures", integer}},
                .foldable = false,
                .infer = infer,
                .prepare = prepare});
  registry.add({.name = "Loop",
                .min_inputs = 0,
                .max_inputs = -1,
                .max_outputs = -1,
                .attributes = {{"body", body}, {"captures", integer}},
                .foldable = false,
                .infer = infer,
                .prepare = prepare});
  registry.add({.name = "Scan",
                .max_inputs = -1,
                .max_outputs = -1,
                .attributes = {{"body", body},
                               {"captures", integer},
                               {"num_scan_inputs", integer},
                               {"scan_input_axes", integers},
                               {"scan_input_directions", integers},
                               {"scan_output_axes", integers},
                               {"scan_output_directions", integers}},
                .foldable = false,
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "betimes/graph/specialize.h"
#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/random.h"
#include "betimes/import/detail/onnx_upgrade.h"

/// Nodes that the importer writes out, as it does, and what they then compute.
namespace betimes::import::samples {

using Attributes = std::map<std::string, graph::Attribute>;

struct Written {
  std::string op;
  std::vector<std::optional<Tensor>> inputs;  // nullopt: absent
  Attributes attributes = {};
  std::vector<bool> outputs = {true};  // which are read
  std::string domain = "com.microsoft";
  bool shaped = true;  // inputs declare their shapes
  int opset = 17;
};

/// The node over inputs of the graph, which name none of their extents, in canonical form.
inline graph::Graph canonical(const Written& written) {
  graph::Graph graph;
  graph::Node node{"tested", written.op, written.domain, {}, {}, written.attributes};
  for (size_t i = 0; i < written.inputs.size(); ++i) {
    const auto& input = written.inputs[i];
    node.inputs.push_back(input ? "input" + std::to_string(i) : "");
    if (!input) continue;
    graph::ValueInfo info{node.inputs.back(), input->dtype(), std::nullopt};
    if (written.shaped) info.dims.emplace(input->shape().size(), graph::Dim{-1, {}});
    graph.inputs.push_back(info);
  }
  for (size_t i = 0; i < written.outputs.size(); ++i) {
    node.outputs.push_back(written.outputs[i] ? "output" + std::to_string(i) : "");
    if (written.outputs[i]) graph.outputs.push_back({node.outputs.back(), DType::f32, {}});
  }
  graph.nodes.push_back(std::move(node));
  detail::to_canonical(graph, written.opset);
  graph::validate(graph);
  return graph;
}

/// All outputs that are read, by number.
inline std::map<size_t, Tensor> computed(const Written& written) {
  const graph::Graph graph = canonical(written);
  std::map<std::string, Tensor> inputs;
  for (size_t i = 0; i < written.inputs.size(); ++i) {
    if (written.inputs[i]) inputs["input" + std::to_string(i)] = *written.inputs[i];
  }
  const auto values = graph::evaluate(graph, inputs);
  std::map<size_t, Tensor> result;
  for (size_t i = 0; i < written.outputs.size(); ++i) {
    if (written.outputs[i]) result[i] = values.at("output" + std::to_string(i));
  }
  return result;
}

/// Bringing it to canonical form or computing it throws Error that names the node and says
/// `reason`.
inline void expect_refused(const Written& written, const std::string& reason) {
  SCOPED_TRACE(written.op + " must be refused for " + reason);
  try {
    computed(written);
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("tested"), std::string::npos) << text;
    EXPECT_NE(text.find(reason), std::string::npos) << text;
  }
}

}  // namespace betimes::import::samples

#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/graph/operator.h"

/// Runs one node by its operator's shape inference and plain evaluator.
namespace betimes::graph::testing {

using Attributes = std::map<std::string, Attribute>;

struct Call {
  std::string op;
  std::vector<std::optional<Tensor>> inputs;  // nullopt: absent
  Attributes attributes = {};
  size_t outputs = 1;
  std::string domain = {};
  std::vector<size_t> computed = {};  // inputs whose values aren't known ahead of time

  std::string describe() const {
    std::string text = domain + (domain.empty() ? "" : ".") + op + " of";
    for (const auto& input : inputs) {
      text.append(" ").append(input ? to_string(input->type()) : "nothing");
    }
    return text;
  }
};

/// The call as a valid graph: a node "tested" over constants.
inline Graph graph_of(const Call& call) {
  Graph graph;
  Node node{"tested", call.op, call.domain, {}, {}, call.attributes};
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const std::string name = std::string("input") + std::to_string(i);
    node.inputs.push_back(call.inputs[i] ? name : "");
    if (call.inputs[i]) graph.constants[name] = *call.inputs[i];
  }
  for (size_t i = 0; i < call.outputs; ++i) {
    node.outputs.push_back(std::string("output") + std::to_string(i));
    graph.outputs.push_back({node.outputs.back(), DType::f32, std::nullopt});
  }
  graph.nodes.push_back(node);
  validate(graph);
  return graph;
}

/// The node's outputs. Their memory holds rubbish before, so that an element that the evaluator
/// forgets shows.
inline std::vector<Tensor> run(const Call& call) {
  const Graph graph = graph_of(call);
  const Operator& op = operators().get(graph.nodes[0]);
  std::vector<const TensorType*> types;
  std::vector<const Tensor*> values;
  std::vector<TensorView> inputs;
  for (const auto& input : call.inputs) {
    types.push_back(input ? &input->type() : nullptr);
    values.push_back(input ? &*input : nullptr);
    inputs.push_back(input ? view(*input) : TensorView{});
  }
  for (const size_t i : call.computed) values.at(i) = nullptr;
  const NodeContext context{graph.nodes[0], types, values};
  const std::vector<TensorType> result_types = op.infer(context);
  std::vector<Tensor> results;
  std::vector<TensorView> outputs;
  for (const TensorType& type : result_types) {
    check_size(describe(graph.nodes[0]), type);
    results.emplace_back(type);
    std::memset(results.back().mutable_raw(), 0xa5, results.back().bytes());
  }
  for (Tensor& result : results) outputs.push_back(view(result));
  op.prepare(context, result_types)(inputs, outputs);
  if (results.size() < call.outputs) throw std::logic_error(call.op + " gives too few outputs");
  return results;
}

/// The call throws Error, which names the node and contains `reason`.
inline void expect_refused(const Call& call, const std::string& reason) {
  SCOPED_TRACE(call.describe());
  try {
    run(call);
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("node tested"), std::string::npos) << text;
    EXPECT_NE(text.find(reason), std::string::npos) << text;
  }
}

/// Types of the first input that the operator accepts.
inline std::vector<DType> types_of(const std::string& op, const std::string& domain = "") {
  const Operator* found = operators().find(op, domain);
  if (!found) throw std::logic_error(op + " isn't registered");
  if (!found->types.empty()) return found->types;
  return {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i8,  DType::u8,     DType::i16,
          DType::u16, DType::i32, DType::u32, DType::i64,  DType::u64, DType::boolean};
}

}  // namespace betimes::graph::testing

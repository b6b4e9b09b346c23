#pragma once

#include <map>
#include <string>
#include <vector>

#include "betimes/graph/graph.h"

namespace betimes::graph {

/// Writes a graph down node by node: every call returns the name of the value it made.
class Builder {
 public:
  explicit Builder(const std::string& name) { graph_.name = name; }

  /// Inputs keep the name they are given.
  std::string input(const std::string& name, DType dtype, const Shape& shape);
  std::string constant(Tensor tensor);
  std::string number(float value) { return constant(Tensor::scalar(value)); }
  /// A vector of i64: a shape, axes.
  std::string integers(const std::vector<int64_t>& values);
  /// A node of ONNX's domain; the name of its first output. Further ones are in outputs().
  std::string node(const std::string& op, std::vector<std::string> inputs,
                   const std::map<std::string, Attribute>& attributes = {}, size_t outputs = 1);
  /// All outputs of the node that was written last.
  const std::vector<std::string>& outputs() const { return graph_.nodes.back().outputs; }

  /// The graph with these outputs, whose shapes are left to be inferred; the builder is empty then.
  /// Throws Error where graph::validate does.
  Graph finish(const std::vector<std::string>& outputs, DType dtype = DType::f32);

 private:
  Graph graph_;
};

}  // namespace betimes::graph

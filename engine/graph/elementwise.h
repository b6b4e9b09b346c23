#pragma once

#include <optional>
#include <string>
#include <vector>

#include "betimes/graph/activation.h"

namespace betimes::graph {

/// ONNX's operators of two numbers that fused ones do.
enum class Arithmetic : uint8_t { add, subtract, multiply, divide, maximum, minimum };

std::optional<Arithmetic> arithmetic_of(const std::string& op);

/// One step of a node betimes.Elementwise: activation(left op right), or activation(left) where
/// there is no op. Numbers below the node's inputs mean those, higher ones the results of earlier
/// steps; the last step's result is the node's. All broadcast to the output's shape.
struct ElementwiseStep {
  std::optional<Arithmetic> op;
  size_t left = 0;
  size_t right = 0;
  Activation activation;
};

/// Throws Error where the attributes say no such steps.
std::vector<ElementwiseStep> elementwise_steps(const Node& node);
void set_elementwise_steps(Node& node, const std::vector<ElementwiseStep>& steps);

}  // namespace betimes::graph

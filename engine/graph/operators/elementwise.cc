#include "betimes/graph/elementwise.h"

#include <algorithm>
#include <array>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/walk.h"

// Elementwise, an operator of domain "betimes": several functions of one and of two arrays, done
// number by number. runtime/passes/elementwise.cc makes it.

namespace betimes::graph {

using namespace detail;

namespace {

constexpr std::array<const char*, 6> names = {"Add", "Sub", "Mul", "Div", "Max", "Min"};

std::vector<TensorType> infer(const NodeContext& context) {
  elementwise_steps(context.node);
  for (size_t i = 0; i < context.node.inputs.size(); ++i) require_dtype(context, i, DType::f32);
  return one(DType::f32, broadcast_shape(context));
}

float combined(Arithmetic op, float a, float b) {
  switch (op) {
    case Arithmetic::add:
      return a + b;
    case Arithmetic::subtract:
      return a - b;
    case Arithmetic::multiply:
      return a * b;
    case Arithmetic::divide:
      return a / b;
    case Arithmetic::maximum:
      return std::max(a, b);
    case Arithmetic::minimum:
      return std::min(a, b);
  }
  return 0;
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType> outputs) {
  const Shape shape = outputs[0].shape;
  const auto steps = elementwise_steps(context.node);
  std::vector<Strides> strides;
  for (size_t i = 0; i < context.node.inputs.size(); ++i) {
    strides.push_back(broadcast_strides(context.shape(i), shape));
  }
  return [=](std::span<const TensorView> inputs, std::span<const TensorView> results) {
    std::vector<float> values(strides.size() + steps.size());
    const int64_t count = results[0].size();
    for (int64_t at = 0; at < count; ++at) {
      for (size_t i = 0; i < strides.size(); ++i) {
        int64_t rest = at, offset = 0;
        for (size_t axis = shape.size(); axis-- > 0; rest /= shape[axis]) {
          offset += rest % shape[axis] * strides[i][axis];
        }
        values[i] = inputs[i].as<float>()[offset];
      }
      float* result = values.data() + strides.size();
      for (const ElementwiseStep& step : steps) {
        const float left = values[step.left];
        *result++ = step.activation(step.op ? combined(*step.op, left, values[step.right]) : left);
      }
      results[0].as<float>()[at] = values.back();
    }
  };
}

template <class T>
std::vector<T> list_of(const Node& node, const char* attribute, size_t count) {
  auto list = node.get(attribute, std::vector<T>{});
  if (list.size() != count) {
    throw Error(describe(node),
                std::string("attribute '") + attribute + "' has " + std::to_string(list.size()) +
                    " entries",
                std::to_string(count));
  }
  return list;
}

}  // namespace

std::optional<Arithmetic> arithmetic_of(const std::string& op) {
  const auto it = std::find(names.begin(), names.end(), op);
  if (it == names.end()) return std::nullopt;
  return static_cast<Arithmetic>(it - names.begin());
}

std::vector<ElementwiseStep> elementwise_steps(const Node& node) {
  const auto operations = node.get("operations", std::vector<std::string>{});
  const size_t count = operations.size();
  if (count == 0) throw Error(describe(node), "attribute 'operations' is missing");
  const auto operands = list_of<int64_t>(node, "operands", 2 * count);
  const auto activations = list_of<std::string>(node, "activations", count);
  const auto alphas = list_of<float>(node, "alphas", count);
  const auto betas = list_of<float>(node, "betas", count);
  std::vector<ElementwiseStep> steps;
  for (size_t i = 0; i < count; ++i) {
    ElementwiseStep step;
    step.op = arithmetic_of(operations[i]);
    if (!step.op && !operations[i].empty()) {
      throw Error(describe(node), "operation '" + operations[i] + "' isn't known");
    }
    const auto known = static_cast<int64_t>(node.inputs.size() + i);
    for (const size_t side : {2 * i, 2 * i + 1}) {
      if (operands[side] < 0 || operands[side] >= known) {
        throw Error(describe(node),
                    "step " + std::to_string(i) + " reads value " + std::to_string(operands[side]),
                    "0 to " + std::to_string(known - 1));
      }
    }
    step.left = static_cast<size_t>(operands[2 * i]);
    step.right = static_cast<size_t>(operands[2 * i + 1]);
    Node single{node.name, node.op, node.domain, {}, {}, {}};
    single.attributes = {{"activation", activations[i]}, {"alpha", alphas[i]}, {"beta", betas[i]}};
    step.activation = activation_of(single);
    steps.push_back(step);
  }
  return steps;
}

void set_elementwise_steps(Node& node, const std::vector<ElementwiseStep>& steps) {
  std::vector<std::string> operations, activations;
  std::vector<int64_t> operands;
  std::vector<float> alphas, betas;
  for (const ElementwiseStep& step : steps) {
    operations.emplace_back(step.op ? names[static_cast<size_t>(*step.op)] : "");
    operands.push_back(static_cast<int64_t>(step.left));
    operands.push_back(static_cast<int64_t>(step.right));
    activations.emplace_back(name(step.activation.kind));
    alphas.push_back(step.activation.alpha);
    betas.push_back(step.activation.beta);
  }
  node.attributes["operations"] = operations;
  node.attributes["operands"] = operands;
  node.attributes["activations"] = activations;
  node.attributes["alphas"] = alphas;
  node.attributes["betas"] = betas;
}

void register_elementwise(OperatorRegistry& registry) {
  registry.add({.name = "Elementwise",
                .domain = "betimes",
                .max_inputs = -1,
                .attributes = {{"operations", AttributeKind::texts},
                               {"operands", AttributeKind::integers},
                               {"activations", AttributeKind::texts},
                               {"alphas", AttributeKind::reals},
                               {"betas", AttributeKind::reals},
                               {"sources", AttributeKind::texts}},
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph

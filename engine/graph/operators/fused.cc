#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/graph/activation.h"
#include "betimes/graph/operator.h"

// The fused operators of domain "betimes" in fp32. They are what ONNX's operators of the same name
// compute, then `+ Z` where a fourth input is given, then an activation; and they are evaluated
// just so, which makes each of them the reference of its own fusion.

namespace betimes::graph {
namespace {

constexpr size_t residual_input = 3;

/// The ONNX node that a fused one does first.
Node inner_node(const Node& node, const std::string& op) {
  Node inner{node.name, op, "", node.inputs, node.outputs, node.attributes};
  for (const AttributeSpec& spec : activation_attributes()) inner.attributes.erase(spec.name);
  if (inner.inputs.size() > residual_input) inner.inputs.resize(residual_input);
  // MatMul has no bias; it is added with the residual.
  if (op == "MatMul") inner.inputs.resize(2);
  return inner;
}

NodeContext inner_context(const NodeContext& context, const Node& inner) {
  const size_t count = inner.inputs.size();
  return {inner, context.inputs.first(std::min(count, context.inputs.size())),
          context.constants.first(std::min(count, context.constants.size()))};
}

std::vector<TensorType> infer_fused(const NodeContext& context, const std::string& op) {
  const Node inner = inner_node(context.node, op);
  std::vector<TensorType> types = operators().get(inner).infer(inner_context(context, inner));
  activation_of(context.node);
  if (types.at(0).dtype != DType::f32) {
    throw Error(describe(context.node), "computes " + to_string(types[0]), "float32");
  }
  if (context.present(residual_input) && context.type(residual_input) != types[0]) {
    throw Error(describe(context.node), "adds " + to_string(context.type(residual_input)),
                to_string(types[0]));
  }
  if (op == "MatMul" && context.present(2)) {
    // The bias isn't an input of ONNX's MatMul, which therefore didn't check it.
    const Shape& product = types[0].shape;
    if (product.empty() || context.type(2) != TensorType{DType::f32, {product.back()}}) {
      throw Error(describe(context.node), "adds a bias of " + to_string(context.type(2)),
                  "one float32 for each column");
    }
  }
  return types;
}

/// What follows the inner operator, element by element.
struct Tail {
  Activation activation;
  bool residual = false;
  bool bias = false;  // of MatMul, one for each column
  int64_t columns = 1;

  void operator()(std::span<const TensorView> inputs, const TensorView& output) const {
    float* out = output.as<float>();
    const int64_t count = output.size();
    const float* add = residual ? inputs[residual_input].as<float>() : nullptr;
    const float* shift = bias ? inputs[2].as<float>() : nullptr;
    for (int64_t i = 0; i < count; ++i) {
      float x = out[i];
      if (shift) x += shift[i % columns];
      if (add) x += add[i];
      out[i] = activation(x);
    }
  }
};

Evaluator prepare_fused(const NodeContext& context, std::span<const TensorType> outputs,
                        const std::string& op) {
  const Node inner = inner_node(context.node, op);
  Evaluator first = operators().get(inner).prepare(inner_context(context, inner), outputs);
  Tail tail{activation_of(context.node), context.present(residual_input),
            op == "MatMul" && context.present(2), 1};
  if (!outputs[0].shape.empty()) tail.columns = outputs[0].shape.back();
  const size_t count = inner.inputs.size();
  return [first = std::move(first), tail, count](std::span<const TensorView> inputs,
                                                 std::span<const TensorView> results) {
    first(inputs.first(std::min(count, inputs.size())), results);
    tail(inputs, results[0]);
  };
}

Operator fused(const std::string& op, int max_inputs, std::vector<AttributeSpec> attributes) {
  for (AttributeSpec& spec : activation_attributes()) attributes.push_back(std::move(spec));
  Operator result;
  result.name = op;
  result.domain = "betimes";
  result.min_inputs = 2;
  result.max_inputs = max_inputs;
  result.attributes = std::move(attributes);
  result.infer = [op](const NodeContext& context) { return infer_fused(context, op); };
  result.prepare = [op](const NodeContext& context, std::span<const TensorType> outputs) {
    return prepare_fused(context, outputs, op);
  };
  return result;
}

Operator activation_operator() {
  Operator result;
  result.name = "Activation";
  result.domain = "betimes";
  result.attributes = activation_attributes();
  result.infer = [](const NodeContext& context) {
    activation_of(context.node);
    if (context.type(0).dtype != DType::f32) {
      throw Error(describe(context.node), "reads " + to_string(context.type(0)), "float32");
    }
    return std::vector<TensorType>{context.type(0)};
  };
  result.prepare = [](const NodeContext& context, std::span<const TensorType>) {
    const Activation activation = activation_of(context.node);
    return [activation](std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
      const float* in = inputs[0].as<float>();
      float* out = outputs[0].as<float>();
      const int64_t count = outputs[0].size();
      for (int64_t i = 0; i < count; ++i) out[i] = activation(in[i]);
    };
  };
  return result;
}

}  // namespace

void register_fused(OperatorRegistry& registry) {
  const std::vector<AttributeSpec> convolution = {
      {"auto_pad", AttributeKind::text}, {"dilations", AttributeKind::integers},
      {"group", AttributeKind::integer}, {"kernel_shape", AttributeKind::integers},
      {"pads", AttributeKind::integers}, {"strides", AttributeKind::integers}};
  std::vector<AttributeSpec> transposed = convolution;
  transposed.push_back({"output_padding", AttributeKind::integers});
  transposed.push_back({"output_shape", AttributeKind::integers});
  registry.add(fused("Conv", 4, convolution));
  registry.add(fused("ConvTranspose", 4, transposed));
  registry.add(fused("MatMul", 4, {}));
  registry.add(activation_operator());
}

}  // namespace betimes::graph

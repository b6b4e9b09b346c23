#include "betimes/graph/quantized.h"

#include <algorithm>

#include "betimes/base/cpu.h"
#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

// int8 is in the graph as QuantizeLinear and DequantizeLinear around fp32 nodes. These passes turn
// such groups into nodes that compute on the 8-bit numbers themselves.

namespace betimes::runtime {
namespace {

/// Scale and zero point of a QuantizeLinear or DequantizeLinear over a whole tensor, both constant.
struct Parameters {
  float scale = 1;
  int64_t zero = 0;
  DType dtype = DType::u8;
  bool operator==(const Parameters&) const = default;
};

std::optional<Parameters> parameters_of(Rewriter& rewriter, const Node* node) {
  if (!is(node, "QuantizeLinear") && !is(node, "DequantizeLinear")) return std::nullopt;
  const Tensor* scale = rewriter.constant(node->inputs[1]);
  if (!scale || scale->size() != 1 || scale->dtype() != DType::f32) return std::nullopt;
  const bool quantizes = node->op == "QuantizeLinear";
  Parameters result{scale->data<float>()[0], 0,
                    rewriter.type(quantizes ? node->outputs[0] : node->inputs[0]).dtype};
  if (result.dtype != DType::u8 && result.dtype != DType::i8) return std::nullopt;
  if (node->inputs.size() > 2 && !node->inputs[2].empty()) {
    const Tensor* zero = rewriter.constant(node->inputs[2]);
    if (!zero || zero->size() != 1) return std::nullopt;
    result.zero = zero->cast(DType::i64).data<int64_t>()[0];
  }
  return result;
}

/// The DequantizeLinear of 8-bit activations that computes the value.
Node* dequantized(Rewriter& rewriter, const std::string& value) {
  Node* node = rewriter.producer(value);
  if (!is(node, "DequantizeLinear") || rewriter.constant(node->inputs[0])) return nullptr;
  return parameters_of(rewriter, node) ? node : nullptr;
}

/// Signed activations become unsigned ones with a zero point 128 higher, which is what kernels
/// take: the same numbers, where only QuantizeLinear and DequantizeLinear see them.
bool make_unsigned(Rewriter& rewriter, Node& quantize) {
  const auto given = parameters_of(rewriter, &quantize);
  if (!is(&quantize, "QuantizeLinear") || !given || given->dtype != DType::i8) return false;
  const std::string& value = quantize.outputs[0];
  if (rewriter.uses().is_output(value)) return false;
  std::vector<Node*> readers;
  for (const size_t reader : rewriter.uses().consumers(value)) {
    Node& node = rewriter.node(reader);
    if (parameters_of(rewriter, &node) != given || node.op != "DequantizeLinear") return false;
    readers.push_back(&node);
  }
  const std::string zero = rewriter.add_constant(
      value + "_unsigned_zero", Tensor::scalar(static_cast<uint8_t>(given->zero + 128)));
  readers.push_back(&quantize);
  for (Node* node : readers) {
    node->inputs.resize(3);
    node->inputs[2] = zero;
  }
  return true;
}

/// Weights as int8 with one scale per output channel, from a DequantizeLinear of a constant.
struct Weights {
  std::string values;
  Tensor scales;  // f32 [channels]
};

std::optional<Weights> quantized_weights(Rewriter& rewriter, const std::string& value,
                                         size_t axis) {
  const Node* node = rewriter.producer(value);
  if (!is(node, "DequantizeLinear")) return std::nullopt;
  const Tensor* values = rewriter.constant(node->inputs[0]);
  const Tensor* scales = rewriter.constant(node->inputs[1]);
  if (!values || !scales || values->dtype() != DType::i8) return std::nullopt;
  if (node->inputs.size() > 2 && !node->inputs[2].empty()) {
    const Tensor* zero = rewriter.constant(node->inputs[2]);
    if (!zero) return std::nullopt;
    const Tensor wide = zero->cast(DType::i64);
    const auto zeros = wide.data<int64_t>();
    if (std::any_of(zeros.begin(), zeros.end(), [](int64_t z) { return z != 0; })) {
      return std::nullopt;
    }
  }
  const int64_t channels = values->shape()[axis];
  Tensor each(DType::f32, {channels});
  auto out = each.mutable_data<float>();
  if (scales->size() == 1) {
    std::fill(out.begin(), out.end(), scales->data<float>()[0]);
  } else {
    const int64_t given = node->get("axis", int64_t{1});
    const auto rank = static_cast<int64_t>(values->shape().size());
    if ((given < 0 ? given + rank : given) != static_cast<int64_t>(axis)) return std::nullopt;
    std::copy(scales->data<float>().begin(), scales->data<float>().end(), out.begin());
  }
  return Weights{node->inputs[0], std::move(each)};
}

/// Without VNNI, kernels sum products of uint8 and int8 in pairs of neighbouring input channels in
/// 16 bits. That is exact as long as no pair can leave them: 255 (|a| + |b|) <= 32767 for weights
/// of one sign.
bool pairs_fit_16_bits(const Tensor& weights, bool product) {
  if (active_isa() >= Isa::avx512_vnni) return true;
  const Shape& shape = weights.shape();
  const auto data = weights.data<int8_t>();
  const int64_t inputs = product ? shape[0] : shape[1];
  int64_t stride = 1;  // between neighbouring input channels
  for (size_t i = product ? 1 : 2; i < shape.size(); ++i) stride *= shape[i];
  const int64_t outer = product ? 1 : shape[0];
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t c = 0; c + 1 < inputs; c += 2) {
      for (int64_t i = 0; i < stride; ++i) {
        const auto at = static_cast<size_t>((o * inputs + c) * stride + i);
        const int a = data[at];  // NOLINT(bugprone-signed-char-misuse): numbers, no characters
        const int b =
            data[at + static_cast<size_t>(stride)];  // NOLINT(bugprone-signed-char-misuse)
        if (std::max(a, 0) + std::max(b, 0) > 128 || std::min(a, 0) + std::min(b, 0) < -128) {
          return false;
        }
      }
    }
  }
  return true;
}

/// The bias as fp32, be it a constant or a constant's DequantizeLinear; "" where there is none.
std::optional<std::string> float_bias(Rewriter& rewriter, const Node& node) {
  if (node.inputs.size() < 3 || node.inputs[2].empty()) return std::string();
  if (const Tensor* bias = rewriter.constant(node.inputs[2])) {
    return bias->dtype() == DType::f32 ? std::optional(node.inputs[2]) : std::nullopt;
  }
  const Node* dequantize = rewriter.producer(node.inputs[2]);
  if (!is(dequantize, "DequantizeLinear")) return std::nullopt;
  const Tensor* values = rewriter.constant(dequantize->inputs[0]);
  const Tensor* scales = rewriter.constant(dequantize->inputs[1]);
  const bool shifted = dequantize->inputs.size() > 2 && !dequantize->inputs[2].empty();
  if (!values || !scales || shifted || values->dtype() != DType::i32) return std::nullopt;
  Tensor bias = values->cast(DType::f32);
  auto data = bias.mutable_data<float>();
  for (size_t i = 0; i < data.size(); ++i) {
    data[i] *= scales->data<float>()[scales->size() == 1 ? 0 : i];
  }
  return rewriter.add_constant(dequantize->outputs[0] + "_bias", std::move(bias));
}

/// A residual that lies there in 8 bits is added as it is.
void take_residual(Rewriter& rewriter, Node& node, const std::string& residual) {
  node.inputs.push_back(residual);
  const Node* source = dequantized(rewriter, residual);
  const auto parameters = parameters_of(rewriter, source);
  if (!parameters || parameters->dtype != DType::u8) return;
  node.inputs.back() = source->inputs[0];
  node.attributes["residual_scale"] = parameters->scale;
  node.attributes["residual_zero"] = parameters->zero;
}

/// The QuantizeLinear that alone reads the node's output becomes part of it.
void take_output(Rewriter& rewriter, Node& node) {
  Node* quantize = rewriter.only_consumer(node.outputs[0]);
  if (!is(quantize, "QuantizeLinear")) return;
  const auto parameters = parameters_of(rewriter, quantize);
  if (!parameters || parameters->dtype != DType::u8) return;
  node.attributes["output_scale"] = parameters->scale;
  node.attributes["output_zero"] = parameters->zero;
  absorb(node, *quantize);
  node.outputs[0] = quantize->outputs[0];
  rewriter.remove(*quantize);
}

/// Groups of a few channels have no int8 kernel, only plain loops slower than fp32.
bool has_odd_groups(const Node& node, const TensorType& weights) {
  const int64_t groups = node.get("group", int64_t{1});
  if (groups == 1 || (weights.shape[1] == 1 && weights.shape[0] == groups)) return false;
  return weights.shape[1] % 8 != 0 || weights.shape[0] / groups % 8 != 0;
}

/// f(k x) = k f(x) for k > 0, so that f may be applied in units of any scale.
bool is_proportional(const Node& node) {
  using Kind = Activation::Kind;
  const Kind kind = graph::activation_of(node).kind;
  return kind == Kind::none || kind == Kind::relu || kind == Kind::leaky_relu;
}

bool fuse_quantized(Rewriter& rewriter, Node& node) {
  const bool product = is(&node, "MatMul", "betimes");
  if (!product && !is(&node, "Conv", "betimes")) return false;
  if (!product && has_odd_groups(node, rewriter.type(node.inputs[1]))) return false;
  const Node* source = dequantized(rewriter, node.inputs[0]);
  const auto input = parameters_of(rewriter, source);
  if (!input || input->dtype != DType::u8) return false;
  const auto weights = quantized_weights(rewriter, node.inputs[1], product ? 1 : 0);
  if (!weights) return false;
  if (!pairs_fit_16_bits(*rewriter.constant(weights->values), product)) {
    node.attributes["note"] = std::string(
        "int8: without VNNI two neighbouring weights may sum to more than 128 and saturate; "
        "quantise the weights to 7 bits");
    return false;
  }
  const auto bias = float_bias(rewriter, node);
  if (!bias) return false;
  const std::string residual = node.inputs.size() > 3 ? node.inputs[3] : std::string();
  if (product && !residual.empty()) return false;
  if (!residual.empty() && dequantized(rewriter, residual) && !is_proportional(node)) {
    node.attributes["note"] = std::string("int8: this activation of a sum isn't fused in 8 bits");
    return false;
  }

  node.op = product ? "QuantizedMatMul" : "QuantizedConv";
  const std::string scales = rewriter.add_constant(node.name + "_weight_scales", weights->scales);
  node.inputs = {source->inputs[0], weights->values, scales};
  node.attributes["input_scale"] = input->scale;
  node.attributes["input_zero"] = input->zero;
  if (!bias->empty() || !residual.empty()) node.inputs.push_back(*bias);
  if (!residual.empty()) take_residual(rewriter, node, residual);
  take_output(rewriter, node);
  rewriter.refresh();
  return true;
}

/// Q(op(DQ(x))) with one scale throughout, where op only moves values: op(x).
bool moves_values(const Node* node) {
  for (const char* op : {"MaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose",
                         "Concat", "DepthToSpace", "SpaceToDepth", "Slice", "Identity"}) {
    if (is(node, op)) return true;
  }
  return false;
}

bool move_in_8_bits(Rewriter& rewriter, Node& quantize) {
  if (!is(&quantize, "QuantizeLinear")) return false;
  const auto output = parameters_of(rewriter, &quantize);
  Node* node = rewriter.producer(quantize.inputs[0]);
  if (!output || !moves_values(node) || node->outputs.size() != 1) return false;
  if (!rewriter.only_consumer(node->outputs[0])) return false;
  const size_t sources = node->op == "Concat" ? node->inputs.size() : 1;
  for (size_t i = 0; i < sources; ++i) {
    if (parameters_of(rewriter, dequantized(rewriter, node->inputs[i])) != output) return false;
  }
  for (size_t i = 0; i < sources; ++i) {
    node->inputs[i] = rewriter.producer(node->inputs[i])->inputs[0];
  }
  node->outputs[0] = quantize.outputs[0];
  rewriter.remove(quantize);
  rewriter.refresh();
  return true;
}

/// Q(DQ(x)) with equal parameters is x.
bool cancel_pair(Rewriter& rewriter, Node& quantize) {
  if (!is(&quantize, "QuantizeLinear")) return false;
  Node* source = dequantized(rewriter, quantize.inputs[0]);
  const auto output = parameters_of(rewriter, &quantize);
  if (!output || parameters_of(rewriter, source) != output) return false;
  if (!rewriter.replace_uses(quantize.outputs[0], source->inputs[0])) return false;
  rewriter.remove(quantize);
  rewriter.refresh();
  return true;
}

/// Weights that stayed in fp32 nodes are dequantised once, at compile time.
bool fold_weights(Rewriter& rewriter, Node& node) {
  if (!is(&node, "DequantizeLinear")) return false;
  std::vector<TensorView> inputs;
  std::vector<const TensorType*> types;
  std::vector<const Tensor*> values;
  for (const std::string& input : node.inputs) {
    const Tensor* value = rewriter.constant(input);
    if (!input.empty() && !value) return false;
    inputs.push_back(value ? view(*value) : TensorView{});
    types.push_back(value ? &value->type() : nullptr);
    values.push_back(value);
  }
  const graph::Operator& op = graph::operators().get(node);
  const graph::NodeContext context{node, types, values};
  const std::vector<TensorType> outputs = op.infer(context);
  Tensor result(outputs[0]);
  const TensorView target = view(result);
  op.prepare(context, outputs)(inputs, std::span(&target, 1));
  const std::string folded = rewriter.add_constant(node.outputs[0] + "_folded", std::move(result));
  if (!rewriter.replace_uses(node.outputs[0], folded)) return false;
  rewriter.remove(node);
  return true;
}

graph::Pass each_node(const char* name, bool (*rewrite)(Rewriter&, Node&)) {
  return {name, [rewrite](StaticGraph& graph) {
            Rewriter rewriter(graph);
            for (size_t i = 0; i < rewriter.size(); ++i) {
              if (!rewriter.gone(i) && rewrite(rewriter, rewriter.node(i))) rewriter.changed();
            }
            return rewriter.finish();
          }};
}

}  // namespace

graph::Pass unsigned_pass() { return each_node("unsigned_activations", make_unsigned); }
graph::Pass move_quantized_pass() { return each_node("move_quantized", move_in_8_bits); }
graph::Pass cancel_pairs_pass() { return each_node("cancel_pairs", cancel_pair); }
graph::Pass quantized_pass() { return each_node("quantized", fuse_quantized); }
graph::Pass fold_weights_pass() { return each_node("fold_weights", fold_weights); }

}  // namespace betimes::runtime

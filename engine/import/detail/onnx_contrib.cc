// Operators of domain com.microsoft on 8-bit numbers: the same with DequantizeLinear, ONNX's
// operator and QuantizeLinear.
#include "betimes/base/error.h"
#include "betimes/import/detail/onnx_rewrite.h"

namespace betimes::import::detail {
namespace {

using graph::Node;

using Names = Formula::Names;

/// Quantizes `value` with inputs `scale` and the next into the node's output.
void quantize(Formula& f, const Node& node, const std::string& value, size_t scale) {
  Names inputs = {value, required(node, scale)};
  if (const std::string& zero = input_or_none(node, scale + 1); !zero.empty()) {
    inputs.push_back(zero);
  }
  f.finish("QuantizeLinear", std::move(inputs));
}

/// A, A_scale, A_zero, B, B_scale, B_zero, C_scale, C_zero
void binary(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  const auto a = f.dequantized(0, 1, 2);
  const auto b = f.dequantized(3, 4, 5);
  quantize(f, node, f.apply(node.op == "QLinearAdd" ? "Add" : "Mul", {a, b}), 6);
}

/// condition, X, X_scale, X_zero, Y, Y_scale, Y_zero, Z_scale, Z_zero
void where(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  const auto x = f.dequantized(1, 2, 3);
  const auto y = f.dequantized(4, 5, 6);
  quantize(f, node, f.apply("Where", {required(node, 0), x, y}), 7);
}

/// X, X_scale, X_zero, Y_scale, Y_zero: ONNX's operator of the name without "QLinear".
void unary(Rewriter& rewriter, Node node) {
  if (take<int64_t>(node, "channels_last").value_or(0) != 0) {
    throw Error(describe(node), "channels_last isn't supported", "0");
  }
  Formula f(rewriter, node);
  const std::string op = node.op.substr(std::string("QLinear").size());
  quantize(f, node, f.apply(op.c_str(), {f.dequantized(0, 1, 2)}, node.attributes), 3);
}

/// The same; attribute 'opset' says of which version the Softmax is.
void softmax(Rewriter& rewriter, Node node) {
  const int64_t opset = take<int64_t>(node, "opset").value_or(rewriter.opset());
  Formula f(rewriter, node);
  const std::string result = rewriter.fresh(stem(node, "Softmax"));
  Node inner{node.name + "/Softmax", "Softmax", "", {f.dequantized(0, 1, 2)}, {result}, {}};
  inner.attributes["axis"] = node.get("axis", int64_t{-1});
  opset < 13 ? emit_flat_softmax(rewriter, std::move(inner)) : rewriter.emit(std::move(inner));
  quantize(f, node, result, 3);
}

/// Y_scale, Y_zero, then each input with its scale and zero point.
void concat(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  Names inputs;
  for (size_t i = 2; i < node.inputs.size(); i += 3) {
    inputs.push_back(f.dequantized(i, i + 1, i + 2));
  }
  quantize(f, node, f.apply("Concat", inputs, node.attributes), 0);
}

/// A, A_scale, A_zero, B, B_scale, B_zero, C, Y_scale, Y_zero: alpha (A B + C), where C is in units
/// of the product of both scales, and B's scale may be one for each column. Without Y_zero the
/// result stays in floats.
void gemm(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  const bool turned = node.get("transB", int64_t{0}) != 0;
  Names inputs = {f.dequantized(0, 1, 2), f.dequantized(3, 4, 5, turned ? 0 : 1)};
  if (const std::string& c = input_or_none(node, 6); !c.empty()) {
    const auto unit = f.apply("Mul", {required(node, 1), required(node, 4)});
    inputs.push_back(f.apply("Mul", {f.apply("Cast", {c}, {{"to", int64_t{1}}}), unit}));
  }
  Formula::Attributes attributes = node.attributes;
  if (node.has("alpha")) attributes["beta"] = node.get("alpha", 1.0f);
  if (input_or_none(node, 8).empty()) return f.finish("Gemm", inputs, attributes);
  quantize(f, node, f.apply("Gemm", inputs, attributes), 7);
}

/// a b, plus the bias of input `bias` unless that is absent.
void product(Formula& f, const Node& node, const std::string& a, const std::string& b,
             size_t bias) {
  if (input_or_none(node, bias).empty()) return f.finish("MatMul", {a, b});
  f.finish("Add", {f.apply("MatMul", {a, b}), node.inputs[bias]});
}

/// A, B, A_scale, B_scale, A_zero, B_zero, bias
void integer_product(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  const auto a = f.dequantized(0, 2, 4);
  product(f, node, a, f.dequantized(1, 3, 5), 6);
}

/// A, B, B_scale, B_zero, bias, with A in floats.
void dynamic_product(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  const Names a = f.apply_for(3, "DynamicQuantizeLinear", {required(node, 0)});
  product(f, node, f.apply("DequantizeLinear", a), f.dequantized(1, 2, 3), 4);
}

constexpr int oldest = 7;
constexpr int newest = 21;
constexpr RuleEntry rules[] = {
    {"QLinearAdd", oldest, newest, binary},
    {"QLinearMul", oldest, newest, binary},
    {"QLinearSigmoid", oldest, newest, unary},
    {"QLinearLeakyRelu", oldest, newest, unary},
    {"QLinearGlobalAveragePool", oldest, newest, unary},
    {"QLinearAveragePool", oldest, newest, unary},
    {"QLinearConcat", oldest, newest, concat},
    {"QLinearReduceMean", oldest, newest, unary},
    {"QLinearSoftmax", oldest, newest, softmax},
    {"QLinearWhere", oldest, newest, where},
    {"QGemm", oldest, newest, gemm},
    {"MatMulIntegerToFloat", oldest, newest, integer_product},
    {"DynamicQuantizeMatMul", oldest, newest, dynamic_product},
};

}  // namespace

std::span<const RuleEntry> contrib_forms() { return rules; }

}  // namespace betimes::import::detail

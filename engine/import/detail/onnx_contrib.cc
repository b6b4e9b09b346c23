// Operators of domain com.microsoft on 8-bit numbers: the same with DequantizeLinear, ONNX's
// operator and QuantizeLinear.
#include "betimes/base/error.h"
#include "betimes/import/detail/onnx_rewrite.h"

namespace betimes::import::detail {
namespace {

using graph::Node;

/// `value` with the scale and the zero point of inputs `scale` and the next, as floats.
std::string dequantized(Rewriter& rewriter, const Node& node, size_t value, size_t scale) {
  std::string result = rewriter.fresh(stem(node, "real"));
  Node made{"", "DequantizeLinear", "", {required(node, value), required(node, scale)}, {}, {}};
  const std::string& zero = input_or_none(node, scale + 1);
  if (!zero.empty()) made.inputs.push_back(zero);
  made.outputs = {result};
  rewriter.emit(std::move(made));
  return result;
}

/// Computes ONNX's `op` of `inputs`, and quantizes it with inputs `scale` and the next.
void finish(Rewriter& rewriter, Node node, const char* op, std::vector<std::string> inputs,
            size_t scale) {
  const std::string value = rewriter.fresh(stem(node, "value"));
  Node last{"", "QuantizeLinear", "", {value, required(node, scale)}, node.outputs, {}};
  const std::string& zero = input_or_none(node, scale + 1);
  if (!zero.empty()) last.inputs.push_back(zero);
  rewriter.emit({node.name, op, "", std::move(inputs), {value}, std::move(node.attributes)});
  rewriter.emit(std::move(last));
}

/// A, A_scale, A_zero, B, B_scale, B_zero, C_scale, C_zero
void binary(Rewriter& rewriter, Node node) {
  const std::string a = dequantized(rewriter, node, 0, 1);
  const std::string b = dequantized(rewriter, node, 3, 4);
  const char* op = node.op == "QLinearAdd" ? "Add" : "Mul";
  finish(rewriter, std::move(node), op, {a, b}, 6);
}

/// X, X_scale, X_zero, Y_scale, Y_zero
void unary(Rewriter& rewriter, Node node) {
  if (take<int64_t>(node, "channels_last").value_or(0) != 0) {
    throw Error(describe(node), "channels_last isn't supported", "0");
  }
  const std::string x = dequantized(rewriter, node, 0, 1);
  const char* op = node.op == "QLinearSigmoid"             ? "Sigmoid"
                   : node.op == "QLinearLeakyRelu"         ? "LeakyRelu"
                   : node.op == "QLinearGlobalAveragePool" ? "GlobalAveragePool"
                                                           : "AveragePool";
  finish(rewriter, std::move(node), op, {x}, 3);
}

/// Y_scale, Y_zero, then each input with its scale and zero point.
void concat(Rewriter& rewriter, Node node) {
  std::vector<std::string> inputs;
  for (size_t i = 2; i < node.inputs.size(); i += 3) {
    inputs.push_back(dequantized(rewriter, node, i, i + 1));
  }
  finish(rewriter, std::move(node), "Concat", inputs, 0);
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
};

}  // namespace

std::span<const RuleEntry> contrib_forms() { return rules; }

}  // namespace betimes::import::detail

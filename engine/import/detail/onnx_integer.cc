// QLinearConv and QLinearMatMul (10): the same with DequantizeLinear, the fp32 operator and
// QuantizeLinear, which is how a graph says int8 here; the runtime computes both on 8-bit numbers.
#include "betimes/base/error.h"
#include "betimes/import/detail/onnx_rewrite.h"

namespace betimes::import::detail {
namespace {

using graph::Node;

/// Input `first` with the scale and the zero point that follow it, as floats.
std::string dequantized(Rewriter& rewriter, const Node& node, size_t first, const char* what,
                        int64_t axis) {
  std::string result = rewriter.fresh(stem(node, what));
  rewriter.emit({"",
                 "DequantizeLinear",
                 "",
                 {required(node, first), required(node, first + 1), required(node, first + 2)},
                 {result},
                 {{"axis", axis}}});
  return result;
}

/// `value` in the scale and with the zero point of inputs `first` and the next, as the node's own
/// output.
void quantize(Rewriter& rewriter, const Node& node, const std::string& value, size_t first) {
  rewriter.emit({"",
                 "QuantizeLinear",
                 "",
                 {value, required(node, first), required(node, first + 1)},
                 {node.outputs[0]},
                 {}});
}

/// The bias is in units of the product of both scales, which has one number for each channel.
std::string dequantized_bias(Rewriter& rewriter, const Node& node) {
  const std::string unit = rewriter.fresh(stem(node, "bias_scale"));
  rewriter.emit({"", "Mul", "", {required(node, 1), required(node, 4)}, {unit}, {}});
  std::string result = rewriter.fresh(stem(node, "bias"));
  rewriter.emit(
      {"", "DequantizeLinear", "", {node.inputs[8], unit}, {result}, {{"axis", int64_t{0}}}});
  return result;
}

/// x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, B
void convolution(Rewriter& rewriter, Node node) {
  Node conv{node.name, "Conv", "", {}, {}, std::move(node.attributes)};
  conv.inputs = {dequantized(rewriter, node, 0, "x", 1), dequantized(rewriter, node, 3, "w", 0)};
  if (!input_or_none(node, 8).empty()) conv.inputs.push_back(dequantized_bias(rewriter, node));
  const std::string sum = rewriter.fresh(stem(node, "sum"));
  conv.outputs = {sum};
  rewriter.emit(std::move(conv));
  quantize(rewriter, node, sum, 6);
}

/// a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero
void product(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  const auto columns = static_cast<int64_t>(rewriter.rank(required(node, 3)).value_or(2)) - 1;
  const std::string a = dequantized(rewriter, node, 0, "a", 0);
  const std::string b = dequantized(rewriter, node, 3, "b", columns);
  const std::string sum = rewriter.fresh(stem(node, "sum"));
  rewriter.emit({node.name, "MatMul", "", {a, b}, {sum}, {}});
  quantize(rewriter, node, sum, 6);
}

constexpr RuleEntry rules[] = {
    {"QLinearConv", 10, 21, convolution},
    {"QLinearMatMul", 10, 21, product},
};

}  // namespace

std::span<const RuleEntry> integer_forms() { return rules; }

}  // namespace betimes::import::detail

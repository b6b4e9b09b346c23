#include <algorithm>
#include <array>
#include <string_view>

#include "betimes/import/detail/onnx_rewrite.h"

namespace betimes::import::detail {
namespace {

using graph::Node;

// Operators whose first output has the rank of their first input.
constexpr std::array keeps_rank = {"Abs",
                                   "AveragePool",
                                   "BatchNormalization",
                                   "Cast",
                                   "Ceil",
                                   "Clip",
                                   "Concat",
                                   "Conv",
                                   "ConvTranspose",
                                   "DepthToSpace",
                                   "DequantizeLinear",
                                   "Dropout",
                                   "Elu",
                                   "Erf",
                                   "Exp",
                                   "Floor",
                                   "GlobalAveragePool",
                                   "GlobalMaxPool",
                                   "HardSigmoid",
                                   "HardSwish",
                                   "Identity",
                                   "InstanceNormalization",
                                   "LRN",
                                   "LayerNormalization",
                                   "LeakyRelu",
                                   "Log",
                                   "LogSoftmax",
                                   "MaxPool",
                                   "Neg",
                                   "Not",
                                   "Pad",
                                   "PRelu",
                                   "QuantizeLinear",
                                   "Reciprocal",
                                   "Relu",
                                   "Resize",
                                   "Round",
                                   "Selu",
                                   "Sigmoid",
                                   "Sign",
                                   "Slice",
                                   "Softmax",
                                   "Softplus",
                                   "Softsign",
                                   "SpaceToDepth",
                                   "Split",
                                   "Sqrt",
                                   "Tanh",
                                   "ThresholdedRelu",
                                   "Transpose"};
constexpr std::array broadcasts = {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean"};

bool contains(const auto& names, std::string_view op) {
  return std::find(names.begin(), names.end(), op) != names.end();
}

std::optional<size_t> widest(const Rewriter& rewriter, const Node& node) {
  size_t widest = 0;
  for (const std::string& input : node.inputs) {
    const auto rank = rewriter.rank(input);
    if (!rank) return std::nullopt;
    widest = std::max(widest, *rank);
  }
  return widest;
}

std::optional<size_t> after_axes(const Rewriter& rewriter, const Node& node, bool added) {
  const auto rank = rewriter.rank(input_or_none(node, 0));
  const Tensor* axes = rewriter.constant(input_or_none(node, 1));
  if (!rank || axes == nullptr) return std::nullopt;
  const auto count = static_cast<size_t>(axes->size());
  if (added) return *rank + count;
  return count <= *rank ? std::optional(*rank - count) : std::nullopt;
}

std::optional<size_t> after_reduction(const Rewriter& rewriter, const Node& node) {
  if (node.get("keepdims", int64_t{1}) == 1) return rewriter.rank(node.inputs[0]);
  // ReduceSum has its axes as an input, the others as an attribute; without them all axes go.
  const bool by_input = !input_or_none(node, 1).empty();
  if (by_input) return after_axes(rewriter, node, false);
  if (!node.has("axes")) return std::nullopt;
  const auto rank = rewriter.rank(node.inputs[0]);
  const size_t count = node.get("axes", std::vector<int64_t>{}).size();
  return rank && count <= *rank ? std::optional(*rank - count) : std::nullopt;
}

std::optional<size_t> after_reshape(const Rewriter& rewriter, const Node& node) {
  const Tensor* shape = rewriter.constant(input_or_none(node, 1));
  if (shape == nullptr) return std::nullopt;
  return static_cast<size_t>(shape->size());
}

}  // namespace

std::optional<size_t> infer_rank(const Rewriter& rewriter, const Node& node) {
  if (!node.domain.empty() || node.inputs.empty()) return std::nullopt;
  if (contains(keeps_rank, node.op)) return rewriter.rank(node.inputs[0]);
  if (node.op == "Gemm" || node.op == "Flatten") return 2;
  if (node.op == "Shape") return 1;
  if (node.op == "Reshape") return after_reshape(rewriter, node);
  if (node.op == "Unsqueeze") return after_axes(rewriter, node, true);
  if (node.op == "Squeeze") return after_axes(rewriter, node, false);
  if (contains(broadcasts, node.op)) return widest(rewriter, node);
  if (node.op == "MatMul") {
    const auto rank = widest(rewriter, node);
    // With a vector on one side the product loses a dimension.
    for (const std::string& input : node.inputs) {
      if (rewriter.rank(input) == 1u) return std::nullopt;
    }
    return rank;
  }
  if (node.op.starts_with("Reduce")) return after_reduction(rewriter, node);
  return std::nullopt;
}

}  // namespace betimes::import::detail

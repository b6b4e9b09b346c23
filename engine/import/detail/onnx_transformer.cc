// Operators of domain com.microsoft that ONNX Runtime's optimizer puts into transformers, but for
// attention: each is a few nodes of ONNX's. Their definitions are those of ONNX Runtime's
// docs/ContribOperators.md.
#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/import/detail/onnx_rewrite.h"

namespace betimes::import::detail {
namespace {

using graph::Node;
using Integers = std::vector<int64_t>;
using Names = Formula::Names;

/// X, or X + bias where it is given.
std::string biased(Formula& f, const Node& node) {
  const std::string& bias = input_or_none(node, 1);
  return bias.empty() ? required(node, 0) : f.apply("Add", {required(node, 0), bias});
}

void gelu(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  if (node.op == "BiasGelu") required(node, 1);
  Formula f(rewriter, node);
  f.finish_gelu(biased(f, node));
}

void fast_gelu(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  f.finish_tanh_gelu(biased(f, node));
}

/// x sigmoid(alpha x)
void quick_gelu(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  const std::string x = required(node, 0);
  const auto scaled = f.apply("Mul", {x, f.constant("alpha", node.get("alpha", 1.702f))});
  f.finish("Mul", {x, f.apply("Sigmoid", {scaled})});
}

/// Input `input` with its last two axes changed (`last`), after its first axis became the last but
/// one (`batch`).
std::string transposed(Formula& f, const Rewriter& rewriter, const Node& node, size_t input,
                       bool last, bool batch) {
  std::string x = required(node, input);
  if (!last && !batch) return x;
  const auto rank = rewriter.rank(x);
  if (!rank) {
    throw Error(describe(node),
                "transposes input " + std::to_string(input) + ", whose rank isn't known",
                "a declared shape");
  }
  // A vector is the same transposed.
  if (*rank < 2) return x;
  Integers order;
  for (size_t i = 0; i < *rank; ++i) order.push_back(static_cast<int64_t>(i));
  if (batch) std::rotate(order.begin(), order.begin() + 1, order.end() - 1);
  if (last) std::swap(order[*rank - 1], order[*rank - 2]);
  return f.apply("Transpose", {x}, {{"perm", order}});
}

void fused_mat_mul(Rewriter& rewriter, Node node) {
  Formula f(rewriter, node);
  const auto flag = [&](const char* key) { return node.get(key, int64_t{0}) != 0; };
  const Names inputs = {transposed(f, rewriter, node, 0, flag("transA"), flag("transBatchA")),
                        transposed(f, rewriter, node, 1, flag("transB"), flag("transBatchB"))};
  const float alpha = node.get("alpha", 1.0f);
  if (alpha == 1) return f.finish("MatMul", inputs);
  f.finish("Mul", {f.apply("MatMul", inputs), f.constant("alpha", alpha)});
}

/// The sum of the first two inputs and, unless absent, the bias of input `bias`, as output 3 too
/// where something reads that. The optimizer puts what the bias belongs to second, most often a
/// product; so added, the bias becomes part of it.
std::string sum_of(Formula& f, const Node& node, size_t bias) {
  std::string sum = required(node, 1);
  if (!input_or_none(node, bias).empty()) sum = f.apply("Add", {sum, node.inputs[bias]});
  sum = f.apply("Add", {sum, required(node, 0)});
  if (f.wanted(3)) f.finish("Identity", {sum}, {}, 3);
  return sum;
}

/// LayerNormalization over the last axis into the node's first `outputs` outputs.
void layer_norm(Rewriter& rewriter, const Node& node, const Names& inputs, size_t outputs) {
  Node norm{node.name, "LayerNormalization", "", inputs, {}, {}};
  norm.attributes = {{"axis", int64_t{-1}}, {"epsilon", node.get("epsilon", 1e-12f)}};
  for (size_t i = 0; i < std::min(outputs, node.outputs.size()); ++i) {
    norm.outputs.push_back(rewriter.is_read(node.outputs[i]) || i == 0 ? node.outputs[i] : "");
  }
  while (norm.inputs.back().empty()) norm.inputs.pop_back();
  while (norm.outputs.size() > 1 && norm.outputs.back().empty()) norm.outputs.pop_back();
  rewriter.emit(std::move(norm));
}

/// input, skip, gamma, beta, bias
void skip_layer_norm(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  const std::string sum = sum_of(f, node, 4);
  layer_norm(rewriter, node, {sum, required(node, 2), input_or_none(node, 3)}, 3);
}

/// scale x / sqrt(mean x^2 + epsilon) into output 0, and 1 / sqrt(mean x^2 + epsilon) into output
/// `inverse` when something reads it (Zhang and Sennrich, "Root mean square layer normalization",
/// 2019).
void rms_norm(Formula& f, const std::string& x, const std::string& scale, const Integers& axes,
              float epsilon, size_t inverse) {
  const auto mean = f.apply("ReduceMean", {f.apply("Mul", {x, x})}, {{"axes", axes}});
  const auto root = f.apply("Sqrt", {f.apply("Add", {mean, f.constant("epsilon", epsilon)})});
  const auto factor = f.apply("Reciprocal", {root});
  if (f.wanted(inverse)) f.finish("Identity", {factor}, {}, inverse);
  f.finish("Mul", {f.apply("Mul", {x, factor}), scale});
}

/// X, scale
void simplified_layer_norm(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  const std::string x = required(node, 0);
  const int64_t axis = node.get("axis", int64_t{-1});
  Integers axes = {-1};
  if (axis != -1) {
    const auto rank = static_cast<int64_t>(rewriter.rank(x).value_or(0));
    if (axis < -rank || axis >= rank) {
      throw Error(describe(node), "axis " + std::to_string(axis) + " on a value of rank " +
                                      (rank == 0 ? "that isn't known" : std::to_string(rank)));
    }
    axes.clear();
    for (int64_t i = axis < 0 ? axis + rank : axis; i < rank; ++i) axes.push_back(i);
  }
  rms_norm(f, x, required(node, 1), axes, node.get("epsilon", 1e-5f), 1);
}

/// input, skip, gamma, bias
void skip_simplified_layer_norm(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  if (f.wanted(1)) throw Error(describe(node), "its output 'mean' is read, but has no value");
  const std::string sum = sum_of(f, node, 3);
  rms_norm(f, sum, required(node, 2), {-1}, node.get("epsilon", 1e-12f), 2);
}

/// The number of ones in each row of the mask, zeros without one: where padding begins.
void embedding_lengths(Formula& f, const Node& node) {
  const std::string& mask = input_or_none(node, 7);
  if (!mask.empty()) {
    // A mask has zeros and ones only.
    return f.finish("ReduceSum", {mask, f.integers("axes", {1})}, {{"keepdims", int64_t{0}}}, 1);
  }
  const auto zero = Tensor::from<int32_t>({1}, std::vector<int32_t>{0});
  const auto rows =
      f.apply("Shape", {required(node, 0)}, {{"start", int64_t{0}}, {"end", int64_t{1}}});
  f.finish("ConstantOfShape", {rows}, {{"value", zero}}, 1);
}

/// Rows 0, 1, ... of the position embedding, as many as there are tokens, or the rows asked for.
std::string position_rows(Formula& f, const Node& node) {
  const std::string table = required(node, 3);
  const std::string& positions = input_or_none(node, 8);
  if (!positions.empty()) return f.apply("Gather", {table, positions});
  const auto length =
      f.apply("Shape", {required(node, 0)}, {{"start", int64_t{1}}, {"end", int64_t{2}}});
  const auto zero = f.integers("zero", {0});
  return f.apply("Slice", {table, zero, length, zero});
}

/// input_ids, segment_ids, word_embedding, position_embedding, segment_embedding, gamma, beta,
/// mask, position_ids
void embed_layer_norm(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  const auto words = f.apply("Gather", {required(node, 2), required(node, 0)});
  auto sum = f.apply("Add", {words, position_rows(f, node)});
  if (const std::string& segments = input_or_none(node, 1); !segments.empty()) {
    sum = f.apply("Add", {sum, f.apply("Gather", {required(node, 4), segments})});
  }
  if (f.wanted(1)) embedding_lengths(f, node);
  if (f.wanted(2)) f.finish("Identity", {sum}, {}, 2);
  layer_norm(rewriter, node, {sum, required(node, 5), required(node, 6)}, 1);
}

constexpr int oldest = 7;
constexpr int newest = 21;
constexpr RuleEntry rules[] = {
    {"Gelu", oldest, newest, gelu},
    {"BiasGelu", oldest, newest, gelu},
    {"FastGelu", oldest, newest, fast_gelu},
    {"QuickGelu", oldest, newest, quick_gelu},
    {"FusedMatMul", oldest, newest, fused_mat_mul},
    {"TransposeMatMul", oldest, newest, fused_mat_mul},
    {"SkipLayerNormalization", oldest, newest, skip_layer_norm},
    {"SkipSimplifiedLayerNormalization", oldest, newest, skip_simplified_layer_norm},
    {"EmbedLayerNormalization", oldest, newest, embed_layer_norm},
};
constexpr RuleEntry runtime_rules[] = {
    {"SimplifiedLayerNormalization", oldest, newest, simplified_layer_norm},
};

}  // namespace

std::span<const RuleEntry> runtime_forms() { return runtime_rules; }
std::span<const RuleEntry> transformer_forms() { return rules; }

}  // namespace betimes::import::detail

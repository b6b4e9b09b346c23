// FusedConv and FusedGemm of domain com.microsoft: ONNX's operators and an activation, which ONNX
// Runtime's optimizer made one node of. The runtime's own passes put them together again.
#include "betimes/base/error.h"
#include "betimes/import/detail/onnx_rewrite.h"

namespace betimes::import::detail {
namespace {

using graph::Node;
using Reals = std::vector<float>;

/// The activation of `x` into the node's output, with its numbers in the order in which ONNX names
/// them; those that aren't given are ONNX's defaults.
void activate(Formula& f, const Node& node, const std::string& x, const Reals& given) {
  const std::string op = node.get("activation", "");
  if (op == "Clip") {
    if (given.size() < 2) {
      throw Error(describe(node), "its Clip has " + std::to_string(given.size()) + " bounds",
                  "two");
    }
    return f.finish("Clip", {x, f.constant("low", given[0]), f.constant("high", given[1])});
  }
  Formula::Attributes attributes;
  if (op == "LeakyRelu" || op == "HardSigmoid") {
    if (!given.empty()) attributes["alpha"] = given[0];
    if (op == "HardSigmoid" && given.size() > 1) attributes["beta"] = given[1];
  } else if (op != "Relu" && op != "Tanh" && op != "Sigmoid") {
    throw Error(describe(node), "activation '" + op + "' isn't supported",
                "Relu, Tanh, Sigmoid, LeakyRelu, HardSigmoid or Clip");
  }
  f.finish(op.c_str(), {x}, attributes);
}

/// X, W, B, Z: the activation of the convolution, plus Z where it is given.
void convolution(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  Formula::Attributes attributes = node.attributes;
  attributes.erase("activation");
  attributes.erase("activation_params");
  Formula::Names inputs = {required(node, 0), required(node, 1)};
  if (!input_or_none(node, 2).empty()) inputs.push_back(node.inputs[2]);
  const std::string& added = input_or_none(node, 3);
  const bool plain = node.get("activation", "").empty();
  if (plain && added.empty()) return f.finish("Conv", inputs, attributes);
  auto sum = f.apply("Conv", inputs, attributes);
  if (plain) return f.finish("Add", {sum, added});
  if (!added.empty()) sum = f.apply("Add", {sum, added});
  activate(f, node, sum, node.get("activation_params", Reals{}));
}

/// A, B, C
void gemm(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  Formula::Attributes attributes = node.attributes;
  Reals given;
  for (const char* key : {"activation_alpha", "activation_beta", "activation_gamma"}) {
    if (node.has(key)) given.push_back(node.get(key, 0.0f));
    attributes.erase(key);
  }
  attributes.erase("activation");
  if (node.get("activation", "").empty()) return f.finish("Gemm", node.inputs, attributes);
  activate(f, node, f.apply("Gemm", node.inputs, attributes), given);
}

constexpr int oldest = 7;
constexpr int newest = 21;
constexpr RuleEntry rules[] = {
    {"FusedConv", oldest, newest, convolution},
    {"FusedGemm", oldest, newest, gemm},
};

}  // namespace

std::span<const RuleEntry> fused_forms() { return rules; }

}  // namespace betimes::import::detail

#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "betimes/graph/graph.h"

namespace betimes::import::detail {

/// What a rule that rewrites one node may look at and add.
class Rewriter {
 public:
  Rewriter(graph::Graph& graph, int opset);

  int opset() const { return opset_; }
  /// The value when it is a constant (through Identity nodes), else null.
  const Tensor* constant(const std::string& value) const;
  /// Elements of a constant integer tensor; throws Error naming the node when it isn't one.
  std::vector<int64_t> integers(const graph::Node& node, size_t input, const char* what) const;
  /// Number of dimensions, where the nodes seen so far tell it for certain.
  std::optional<size_t> rank(const std::string& value) const;
  /// True when some node or graph output reads the value.
  bool is_read(const std::string& value) const { return read_.contains(value); }

  std::string fresh(const std::string& stem);
  /// Adds a constant and gives its name.
  std::string add_constant(const std::string& stem, Tensor value);
  std::string add_integers(const std::string& stem, const std::vector<int64_t>& values);
  /// Appends a finished node to the rewritten graph.
  void emit(graph::Node node);
  /// The rewritten nodes.
  std::vector<graph::Node> take() { return std::move(done_); }

 private:
  graph::Graph& graph_;
  int opset_;
  std::set<std::string> names_;
  std::map<std::string, size_t> next_;  // per stem, so that many equal ones stay cheap
  std::set<std::string> read_;
  std::map<std::string, std::string> copies_;  // output of an Identity -> its input
  std::map<std::string, size_t> ranks_;
  std::vector<graph::Node> done_;
};

/// Rewrites `node` and emits it and whatever it needs, or removes what is the default from it and
/// emits that.
using Rule = void (*)(Rewriter&, graph::Node);

/// Applies to nodes of `op` in files of opsets first..last.
struct RuleEntry {
  const char* op;
  int first;
  int last;
  Rule apply;
};

/// Forms older than the canonical one, and newer.
std::span<const RuleEntry> older_forms();
std::span<const RuleEntry> newer_forms();
/// Operators on 8-bit numbers, in files of any opset.
std::span<const RuleEntry> integer_forms();
/// Operators that ONNX Runtime counts to ONNX's domain although ONNX doesn't have them.
std::span<const RuleEntry> runtime_forms();
/// Operators of domain com.microsoft, which ONNX Runtime's tools write, in files of any opset: on
/// 8-bit numbers, those of transformers, and products with what follows them.
std::span<const RuleEntry> contrib_forms();
std::span<const RuleEntry> transformer_forms();
std::span<const RuleEntry> attention_forms();
std::span<const RuleEntry> fused_forms();

/// Emits what a node is written out as: nodes named after it, of which the one that gives the first
/// output has its very name, and values named after that output. Constants are float32, as are the
/// models that need them.
class Formula {
 public:
  using Names = std::vector<std::string>;
  using Attributes = std::map<std::string, graph::Attribute>;

  /// Both must outlive the formula.
  Formula(Rewriter& rewriter, const graph::Node& node) : rewriter_(rewriter), node_(node) {}

  std::string constant(const char* what, double value);
  std::string integers(const char* what, const std::vector<int64_t>& values);
  /// The output of a new node.
  std::string apply(const char* op, Names inputs, Attributes attributes = {});
  /// The `count` outputs of a new node.
  Names apply_for(size_t count, const char* op, Names inputs, Attributes attributes = {});
  /// A new node that gives output `output` of the node written out.
  void finish(const char* op, Names inputs, Attributes attributes = {}, size_t output = 0);
  /// Input `value` as floats, by the scale and, unless absent, the zero point of inputs `scale` and
  /// `zero`. Where there are several scales, they belong to `axis`.
  std::string dequantized(size_t value, size_t scale, size_t zero, int64_t axis = -1);
  /// True when something reads that output of the node.
  bool wanted(size_t output) const;

  /// x (1 + erf(x / sqrt 2)) / 2
  void finish_gelu(const std::string& x);
  /// Its approximation x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 (Hendrycks and Gimpel,
  /// "Gaussian error linear units", 2016).
  void finish_tanh_gelu(const std::string& x);

 private:
  std::string part_name(const char* op);

  Rewriter& rewriter_;
  const graph::Node& node_;
  int parts_ = 0;
};

/// Ranks of a node's outputs that follow from those of its inputs.
std::optional<size_t> infer_rank(const Rewriter& rewriter, const graph::Node& node);

/// Takes an attribute out of the node and gives it, or nullopt.
template <class T>
std::optional<T> take(graph::Node& node, const std::string& key) {
  if (!node.has(key)) return std::nullopt;
  std::optional<T> value;
  if constexpr (std::is_same_v<T, std::string>) {
    value = node.get(key, "");
  } else {
    value = node.get(key, T{});
  }
  node.attributes.erase(key);
  return value;
}

/// Makes `value` input number `index`, absent ones before it included.
void set_input(graph::Node& node, size_t index, const std::string& value);
/// The name of input `index`, empty when absent.
const std::string& input_or_none(const graph::Node& node, size_t index);
/// The same; throws Error when absent.
std::string required(const graph::Node& node, size_t input);
/// Emits a Softmax, LogSoftmax or Hardmax as it was before opset 13: everything from `axis` on is
/// one long vector.
void emit_flat_softmax(Rewriter& rewriter, graph::Node node);
/// What names of values made for the node begin with.
std::string stem(const graph::Node& node, const char* what);

}  // namespace betimes::import::detail

#include "betimes/import/detail/onnx_upgrade.h"

#include <algorithm>
#include <array>

#include "betimes/base/error.h"
#include "betimes/import/detail/onnx_rewrite.h"

namespace betimes::import::detail {
namespace {

using graph::Graph;
using graph::Node;

/// Constant nodes become constants first: rules look at values wherever they are written.
void collect_constants(Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (!is_constant_node(node)) continue;
    if (node.outputs.size() != 1 || node.outputs[0].empty() || !node.inputs.empty()) {
      throw Error(describe(node), "must have one output and no input");
    }
    if (!graph.constants.emplace(node.outputs[0], constant_value(node)).second) {
      throw Error(describe(node), "output '" + node.outputs[0] + "' is defined twice");
    }
  }
  std::erase_if(graph.nodes, is_constant_node);
}

const RuleEntry* find_rule(std::span<const RuleEntry> rules, const Node& node, int opset) {
  const auto it = std::find_if(rules.begin(), rules.end(), [&](const RuleEntry& rule) {
    return node.op == rule.op && rule.first <= opset && opset <= rule.last;
  });
  return it == rules.end() ? nullptr : &*it;
}

const RuleEntry* rule_for(const Node& node, int opset) {
  const bool older = opset <= graph::canonical_opset;
  const std::array standard = {older ? older_forms() : newer_forms(), integer_forms(),
                               runtime_forms()};
  const std::array contrib = {contrib_forms(), transformer_forms(), attention_forms(),
                              fused_forms()};
  std::span<const std::span<const RuleEntry>> lists;
  if (node.domain.empty()) lists = standard;
  if (node.domain == "com.microsoft") lists = contrib;
  for (const auto& rules : lists) {
    if (const RuleEntry* rule = find_rule(rules, node, opset)) return rule;
  }
  return nullptr;
}

/// Weights of rewritten attributes and the like that nothing reads any more.
void drop_unread_constants(Graph& graph) {
  std::set<std::string> read;
  for (const Node& node : graph.nodes) read.insert(node.inputs.begin(), node.inputs.end());
  for (const auto& output : graph.outputs) read.insert(output.name);
  std::erase_if(graph.constants, [&](const auto& entry) { return !read.contains(entry.first); });
}

}  // namespace

Rewriter::Rewriter(Graph& graph, int opset) : graph_(graph), opset_(opset) {
  for (const auto& [name, tensor] : graph.constants) names_.insert(name);
  for (const auto& input : graph.inputs) {
    names_.insert(input.name);
    if (input.dims) ranks_[input.name] = input.dims->size();
  }
  for (const auto& output : graph.outputs) read_.insert(output.name);
  for (const Node& node : graph.nodes) {
    names_.insert(node.outputs.begin(), node.outputs.end());
    read_.insert(node.inputs.begin(), node.inputs.end());
    if (node.domain.empty() && node.op == "Identity" && node.inputs.size() == 1 &&
        node.outputs.size() == 1) {
      copies_[node.outputs[0]] = node.inputs[0];
    }
  }
}

const Tensor* Rewriter::constant(const std::string& value) const {
  const std::string* name = &value;
  for (int hops = 0; hops < 8; ++hops) {
    if (const auto it = graph_.constants.find(*name); it != graph_.constants.end()) {
      return &it->second;
    }
    const auto copy = copies_.find(*name);
    if (copy == copies_.end()) return nullptr;
    name = &copy->second;
  }
  return nullptr;
}

std::vector<int64_t> Rewriter::integers(const Node& node, size_t input, const char* what) const {
  const Tensor* value = constant(input_or_none(node, input));
  if (value == nullptr) {
    throw Error(describe(node),
                std::string(what) + " are computed while the model runs, which isn't supported",
                "a constant");
  }
  if (!is_integer(value->dtype())) {
    throw Error(describe(node), std::string(what) + " are " + to_string(value->type()), "int64");
  }
  const Tensor wide = value->cast(DType::i64);
  const auto data = wide.data<int64_t>();
  return {data.begin(), data.end()};
}

std::optional<size_t> Rewriter::rank(const std::string& value) const {
  if (const Tensor* known = constant(value)) return known->shape().size();
  const auto it = ranks_.find(value);
  return it == ranks_.end() ? std::nullopt : std::optional(it->second);
}

std::string Rewriter::fresh(const std::string& stem) {
  // A file's names are bounded; those made from them stay within the same bound.
  constexpr size_t longest = 1024;
  const std::string base = stem.size() <= longest ? stem : "value";
  std::string name = base;
  for (size_t& i = next_[base]; !names_.insert(name).second;) {
    name = base + "_" + std::to_string(++i);
  }
  return name;
}

std::string Rewriter::add_constant(const std::string& stem, Tensor value) {
  std::string name = fresh(stem);
  graph_.constants[name] = std::move(value);
  return name;
}

std::string Rewriter::add_integers(const std::string& stem, const std::vector<int64_t>& values) {
  return add_constant(stem, Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values));
}

void Rewriter::emit(Node node) {
  if (!node.outputs.empty() && !node.outputs[0].empty()) {
    if (const auto rank = infer_rank(*this, node)) ranks_[node.outputs[0]] = *rank;
  }
  done_.push_back(std::move(node));
}

void set_input(Node& node, size_t index, const std::string& value) {
  if (node.inputs.size() <= index) node.inputs.resize(index + 1);
  node.inputs[index] = value;
}

std::string required(const Node& node, size_t input) {
  const std::string& name = input_or_none(node, input);
  if (name.empty()) {
    throw Error(describe(node), "required input " + std::to_string(input) + " is absent");
  }
  return name;
}

std::string stem(const Node& node, const char* what) { return node.outputs[0] + "/" + what; }

const std::string& input_or_none(const Node& node, size_t index) {
  static const std::string none;
  return index < node.inputs.size() ? node.inputs[index] : none;
}

Tensor constant_value(const Node& node) {
  if (node.attributes.size() != 1) {
    throw Error(describe(node), "has " + std::to_string(node.attributes.size()) + " values", "one");
  }
  const auto& [key, value] = *node.attributes.begin();
  if (const auto* tensor = std::get_if<Tensor>(&value); tensor && key == "value") return *tensor;
  if (const auto* x = std::get_if<float>(&value); x && key == "value_float") {
    return Tensor::scalar(*x);
  }
  if (const auto* x = std::get_if<int64_t>(&value); x && key == "value_int") {
    return Tensor::scalar(*x);
  }
  if (const auto* xs = std::get_if<std::vector<float>>(&value); xs && key == "value_floats") {
    return Tensor::from<float>({static_cast<int64_t>(xs->size())}, *xs);
  }
  if (const auto* xs = std::get_if<std::vector<int64_t>>(&value); xs && key == "value_ints") {
    return Tensor::from<int64_t>({static_cast<int64_t>(xs->size())}, *xs);
  }
  throw Error(describe(node), "attribute '" + key + "' isn't supported");
}

bool is_constant_node(const Node& node) { return node.domain.empty() && node.op == "Constant"; }

void to_canonical(Graph& graph, int opset) {
  collect_constants(graph);
  Rewriter rewriter(graph, opset);
  for (Node& node : graph.nodes) {
    const RuleEntry* rule = rule_for(node, opset);
    if (rule == nullptr) {
      rewriter.emit(std::move(node));
      continue;
    }
    if (node.inputs.empty() || node.outputs.empty()) {
      throw Error(describe(node), "has no inputs or no outputs");
    }
    rule->apply(rewriter, std::move(node));
  }
  graph.nodes = rewriter.take();
  drop_unread_constants(graph);
}

}  // namespace betimes::import::detail

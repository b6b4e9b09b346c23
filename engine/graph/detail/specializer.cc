#include "betimes/graph/detail/specializer.h"

#include <fmt/format.h>

#include "betimes/base/error.h"

namespace betimes::graph::detail {
namespace {

/// A few bytes of file can ask for any number of a loop's iterations.
constexpr size_t max_nodes = 50'000;

/// Points at the types and known values of a node's inputs, in the form operators read.
class ContextStorage {
 public:
  ContextStorage(const Node& node, const std::map<std::string, TensorType>& types,
                 const std::map<std::string, Tensor>& constants)
      : node_(node) {
    for (const std::string& input : node.inputs) {
      const auto type = types.find(input);
      const auto value = constants.find(input);
      inputs_.push_back(type == types.end() ? nullptr : &type->second);
      values_.push_back(value == constants.end() ? nullptr : &value->second);
    }
  }
  NodeContext context() const { return {node_, inputs_, values_}; }

 private:
  const Node& node_;
  std::vector<const TensorType*> inputs_;
  std::vector<const Tensor*> values_;
};

std::vector<TensorType> infer(const Operator& op, const NodeContext& context) {
  std::vector<TensorType> types = op.infer(context);
  if (types.size() < context.node.outputs.size()) {
    throw Error(describe(context.node), "has more outputs than the operator gives");
  }
  for (const TensorType& type : types) check_size(describe(context.node), type);
  return types;
}

std::vector<Tensor> compute(const Operator& op, const NodeContext& context,
                            const std::vector<TensorType>& types) {
  std::vector<TensorView> inputs;
  for (const Tensor* value : context.constants) {
    inputs.push_back(value ? view(*value) : TensorView{});
  }
  std::vector<Tensor> results;
  for (const TensorType& type : types) results.emplace_back(type);
  std::vector<TensorView> outputs;
  for (Tensor& result : results) outputs.push_back(view(result));
  op.prepare(context, types)(inputs, outputs);
  return results;
}

bool all_known(const NodeContext& context) {
  for (size_t i = 0; i < context.node.inputs.size(); ++i) {
    if (!context.node.inputs[i].empty() && context.constants[i] == nullptr) return false;
  }
  return true;
}

/// Shape gives a constant although its input isn't one.
bool depends_on_shape_only(const Node& node) {
  return node.domain.empty() && (node.op == "Shape" || node.op == "Size");
}

}  // namespace

bool FoldBudget::grants(const std::vector<TensorType>& types) {
  constexpr size_t small = 4096;
  size_t bytes = 0;
  for (const TensorType& type : types) bytes += byte_size(type);
  // Shapes and axes must be known whatever else was folded; the file's length bounds their number.
  if (bytes <= small) return bytes <= limit_;
  if (bytes > limit_ || bytes > left_) return false;
  left_ -= bytes;
  return true;
}

Specializer::Specializer(StaticGraph& graph, Mode mode, size_t fold_limit)
    : graph_(graph), mode_(mode), budget_(fold_limit) {}

const Tensor* Specializer::constant(const std::string& value) const {
  const auto it = graph_.graph.constants.find(value);
  return it == graph_.graph.constants.end() ? nullptr : &it->second;
}

const TensorType* Specializer::type(const std::string& value) const {
  const auto it = graph_.types.find(value);
  return it == graph_.types.end() ? nullptr : &it->second;
}

std::string Specializer::add_constant(const std::string& stem, Tensor value) {
  std::string name = stem;
  while (type(name) || is_deferred(name)) name += "_";
  graph_.types[name] = value.type();
  graph_.graph.constants[name] = std::move(value);
  return name;
}

std::string Specializer::fresh_prefix(const Node& node) {
  const auto taken = [&](const std::string& prefix) {
    const auto begins = [&](const auto& values) {
      const auto it = values.lower_bound(prefix);
      return it != values.end() && it->first.starts_with(prefix);
    };
    const auto waiting = deferred_values_.lower_bound(prefix);
    return begins(graph_.types) ||
           (waiting != deferred_values_.end() && waiting->starts_with(prefix));
  };
  for (int& count = prefixes_[node.name];;) {
    std::string prefix = count > 0 ? fmt::format("{}.{}/", node.name, count) : node.name + "/";
    ++count;
    if (!taken(prefix)) return prefix;
  }
}

void Specializer::rewind(const Mark& mark) {
  kept_.resize(mark.kept);
  for (size_t i = mark.deferred; i < deferred_.size(); ++i) {
    needs_.erase(deferred_[i].name);
    for (const std::string& output : deferred_[i].outputs) deferred_values_.erase(output);
  }
  deferred_.resize(mark.deferred);
}

bool Specializer::waits(const Node& node) const {
  for (const std::string& input : node.inputs) {
    if (is_deferred(input)) return true;
  }
  return false;
}

void Specializer::defer(const Node& node) {
  deferred_.push_back(node);
  for (const std::string& output : node.outputs) {
    if (!output.empty()) deferred_values_.insert(output);
  }
}

void Specializer::take(const Node& node) {
  if (++taken_ > max_nodes) {
    throw Error(describe(node),
                "makes a graph of more than " + std::to_string(max_nodes) + " nodes",
                "loops of fewer iterations");
  }
  if (mode_ == Mode::deferring && waits(node)) {
    defer(node);
    return;
  }
  const Mark before = mark();
  try {
    if (is_control_flow(node)) {
      expand_control_flow(*this, node);
    } else {
      take_plain(node);
    }
  } catch (const NeedsValue& missing) {
    if (mode_ != Mode::deferring) throw;
    rewind(before);
    defer(node);
    needs_[node.name] = missing.input();
  }
}

void Specializer::take_plain(const Node& node) {
  const Operator& op = operators().get(node);
  const ContextStorage storage(node, graph_.types, graph_.graph.constants);
  const NodeContext context = storage.context();
  const std::vector<TensorType> types = infer(op, context);
  const bool fold =
      mode_ == Mode::evaluating ||
      (op.foldable && (all_known(context) || depends_on_shape_only(node)) && budget_.grants(types));
  std::vector<Tensor> values;
  if (fold) values = compute(op, context, types);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty()) continue;
    graph_.types[node.outputs[i]] = types[i];
    if (fold) graph_.graph.constants[node.outputs[i]] = std::move(values[i]);
  }
  if (!fold) kept_.push_back(node);
}

}  // namespace betimes::graph::detail

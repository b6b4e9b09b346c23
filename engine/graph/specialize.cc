#include "betimes/graph/specialize.h"

#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/graph/operator.h"

namespace betimes::graph {
namespace {

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
                            const std::vector<TensorType>& types,
                            const std::vector<const Tensor*>& values) {
  std::vector<TensorView> inputs;
  for (const Tensor* value : values) inputs.push_back(value ? view(*value) : TensorView{});
  std::vector<Tensor> results;
  for (const TensorType& type : types) results.emplace_back(type);
  std::vector<TensorView> outputs;
  for (Tensor& result : results) outputs.push_back(view(result));
  op.prepare(context, types)(inputs, outputs);
  return results;
}

Shape input_shape(const ValueInfo& input, const std::map<std::string, Shape>& shapes) {
  const auto given = shapes.find(input.name);
  if (given == shapes.end()) {
    if (!input.dims) {
      throw Error("input " + input.name, "has no declared shape",
                  "a shape given for it, as in --shape " + input.name + "=1,3,224,224");
    }
    Shape shape;
    for (const Dim& dim : *input.dims) shape.push_back(dim.extent >= 0 ? dim.extent : 1);
    return shape;
  }
  if (!input.dims) return given->second;
  const std::string found = "was given shape " + to_string(given->second);
  if (given->second.size() != input.dims->size()) {
    throw Error("input " + input.name, found, to_string(input));
  }
  std::map<std::string, int64_t> symbols;
  for (size_t i = 0; i < given->second.size(); ++i) {
    const Dim& dim = (*input.dims)[i];
    const int64_t extent = given->second[i];
    if (extent < 0 || (dim.extent >= 0 && dim.extent != extent)) {
      throw Error("input " + input.name, found, to_string(input));
    }
    if (dim.extent < 0 && !dim.symbol.empty() &&
        symbols.emplace(dim.symbol, extent).first->second != extent) {
      throw Error("input " + input.name, found + ", two values for " + dim.symbol,
                  to_string(input));
    }
  }
  return given->second;
}

bool all_known(const NodeContext& context) {
  for (size_t i = 0; i < context.node.inputs.size(); ++i) {
    if (!context.node.inputs[i].empty() && context.constants[i] == nullptr) return false;
  }
  return true;
}

/// Decides which values become constants: a few bytes of file can ask for a chain of large ones, so
/// their sum is bounded as well as each.
class FoldBudget {
 public:
  explicit FoldBudget(size_t limit) : limit_(limit), left_(4 * limit) {}

  bool grants(const std::vector<TensorType>& types) {
    size_t bytes = 0;
    for (const TensorType& type : types) bytes += byte_size(type);
    // Shapes and axes must be known whatever else was folded; the file's length bounds their
    // number.
    if (bytes <= small) return bytes <= limit_;
    if (bytes > limit_ || bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

 private:
  static constexpr size_t small = 4096;
  size_t limit_;
  size_t left_;
};

/// Shape gives a constant although its input isn't one.
bool depends_on_shape_only(const Node& node) {
  return node.domain.empty() && (node.op == "Shape" || node.op == "Size");
}

std::vector<const Tensor*> known_values(const NodeContext& context) {
  return {context.constants.begin(), context.constants.end()};
}

}  // namespace

StaticGraph specialize(const Graph& graph, const std::map<std::string, Shape>& shapes,
                       size_t fold_limit) {
  StaticGraph result{graph, {}};
  for (const auto& [name, shape] : shapes) {
    const bool known =
        std::any_of(graph.inputs.begin(), graph.inputs.end(),
                    [&, &wanted = name](const ValueInfo& i) { return i.name == wanted; });
    if (!known) throw Error("input " + name, "isn't an input of the model");
  }
  for (ValueInfo& input : result.graph.inputs) {
    const Shape shape = input_shape(input, shapes);
    const TensorType type{input.dtype, shape};
    check_size("input " + input.name, type);
    result.types[input.name] = type;
    std::vector<Dim> dims;
    for (const int64_t extent : shape) dims.push_back({extent, {}});
    input.dims = std::move(dims);
  }
  for (const auto& [name, value] : graph.constants) result.types[name] = value.type();

  std::vector<Node> kept;
  FoldBudget budget(fold_limit);
  for (const Node& node : graph.nodes) {
    const Operator& op = operators().get(node);
    const ContextStorage storage(node, result.types, result.graph.constants);
    const NodeContext context = storage.context();
    const std::vector<TensorType> types = infer(op, context);
    const bool shape_only = depends_on_shape_only(node);
    const bool fold = op.foldable && (all_known(context) || shape_only) && budget.grants(types);
    std::vector<Tensor> values;
    if (fold) values = compute(op, context, types, known_values(context));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      result.types[node.outputs[i]] = types[i];
      if (fold) result.graph.constants[node.outputs[i]] = values[i];
    }
    if (!fold) kept.push_back(node);
  }
  result.graph.nodes = std::move(kept);
  remove_dead(result.graph);
  for (ValueInfo& output : result.graph.outputs) {
    const TensorType& type = result.types.at(output.name);
    output.dtype = type.dtype;
    std::vector<Dim> dims;
    for (const int64_t extent : type.shape) dims.push_back({extent, {}});
    output.dims = std::move(dims);
  }
  return result;
}

std::map<std::string, Tensor> evaluate_all(const Graph& graph,
                                           const std::map<std::string, Tensor>& inputs) {
  std::map<std::string, Shape> shapes;
  for (const auto& [name, value] : inputs) shapes[name] = value.shape();
  const StaticGraph fixed = specialize(graph, shapes);
  std::map<std::string, Tensor> values = fixed.graph.constants;
  for (const ValueInfo& input : fixed.graph.inputs) {
    const auto given = inputs.find(input.name);
    if (given == inputs.end()) throw Error("input " + input.name, "was not given");
    if (given->second.dtype() != input.dtype) {
      throw Error("input " + input.name, "is " + to_string(given->second.type()), to_string(input));
    }
    values[input.name] = given->second;
  }
  for (const Node& node : fixed.graph.nodes) {
    const ContextStorage storage(node, fixed.types, fixed.graph.constants);
    std::vector<TensorType> types;
    const NodeContext context = storage.context();
    types = infer(operators().get(node), context);
    std::vector<const Tensor*> arguments;
    for (const std::string& input : node.inputs) {
      arguments.push_back(input.empty() ? nullptr : &values.at(input));
    }
    std::vector<Tensor> results = compute(operators().get(node), context, types, arguments);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i].empty()) values[node.outputs[i]] = std::move(results[i]);
    }
  }
  return values;
}

std::map<std::string, Tensor> evaluate(const Graph& graph,
                                       const std::map<std::string, Tensor>& inputs) {
  const std::map<std::string, Tensor> values = evaluate_all(graph, inputs);
  std::map<std::string, Tensor> outputs;
  for (const ValueInfo& output : graph.outputs) outputs[output.name] = values.at(output.name);
  return outputs;
}

}  // namespace betimes::graph

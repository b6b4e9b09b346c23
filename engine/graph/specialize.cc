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

/// The shapes of a graph's inputs, where a symbol has one value over all of them.
class InputShapes {
 public:
  InputShapes(const Graph& graph, const std::map<std::string, Shape>& given) : given_(given) {
    for (const ValueInfo& input : graph.inputs) {
      const auto shape = given.find(input.name);
      if (shape != given.end() && input.dims) check(input, shape->second);
    }
  }

  Shape of(const ValueInfo& input) const {
    const auto given = given_.find(input.name);
    if (given != given_.end()) return given->second;
    if (!input.dims) {
      throw Error("input " + input.name, "has no declared shape",
                  "a shape given for it, as in --shape " + input.name + "=1,3,224,224");
    }
    Shape shape;
    for (const Dim& dim : *input.dims) shape.push_back(dim.extent >= 0 ? dim.extent : value(dim));
    return shape;
  }

 private:
  struct Value {
    int64_t extent;
    std::string input;  // that gave it
  };

  int64_t value(const Dim& dim) const {
    const auto known = symbols_.find(dim.symbol);
    return known == symbols_.end() ? 1 : known->second.extent;
  }

  void check(const ValueInfo& input, const Shape& shape) {
    const std::string found = "was given shape " + to_string(shape);
    const auto refuse = [&](const std::string& why) {
      throw Error("input " + input.name, found + why, to_string(input));
    };
    if (shape.size() != input.dims->size()) refuse("");
    for (size_t i = 0; i < shape.size(); ++i) {
      const Dim& dim = (*input.dims)[i];
      if (shape[i] < 0 || (dim.extent >= 0 && dim.extent != shape[i])) refuse("");
      if (dim.extent >= 0 || dim.symbol.empty()) continue;
      const Value& first = symbols_.emplace(dim.symbol, Value{shape[i], input.name}).first->second;
      if (first.extent == shape[i]) continue;
      const std::string two = ", two values for " + dim.symbol;
      refuse(first.input == input.name
                 ? two
                 : two + ", which input " + first.input + " makes " + std::to_string(first.extent));
    }
  }

  const std::map<std::string, Shape>& given_;
  std::map<std::string, Value> symbols_;
};

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
  const InputShapes inputs(graph, shapes);
  for (ValueInfo& input : result.graph.inputs) {
    const Shape shape = inputs.of(input);
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

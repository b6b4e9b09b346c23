#include "betimes/graph/specialize.h"

#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/graph/detail/specializer.h"

namespace betimes::graph {

using detail::Specializer;

namespace {

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

std::vector<Dim> fixed_dims(const Shape& shape) {
  std::vector<Dim> dims;
  for (const int64_t extent : shape) dims.push_back({extent, {}});
  return dims;
}

void require_known(const Graph& graph, const std::string& name) {
  const bool known = std::any_of(graph.inputs.begin(), graph.inputs.end(),
                                 [&](const ValueInfo& i) { return i.name == name; });
  if (!known) throw Error("input " + name, "isn't an input of the model");
}

void declare_outputs(StaticGraph& graph) {
  for (ValueInfo& output : graph.graph.outputs) {
    const TensorType& type = graph.types.at(output.name);
    output.dtype = type.dtype;
    output.dims = fixed_dims(type.shape);
  }
}

}  // namespace

namespace detail {

StaticGraph begin_specialization(const Graph& graph, std::map<std::string, Shape> shapes,
                                 const std::map<std::string, Tensor>& values) {
  for (const auto& [name, shape] : shapes) require_known(graph, name);
  for (const auto& [name, value] : values) {
    require_known(graph, name);
    shapes[name] = value.shape();
  }
  StaticGraph result;
  result.graph.name = graph.name;
  result.graph.outputs = graph.outputs;
  result.graph.constants = graph.constants;
  result.graph.metadata = graph.metadata;
  const InputShapes inputs(graph, shapes);
  for (ValueInfo input : graph.inputs) {
    const Shape shape = inputs.of(input);
    const TensorType type{input.dtype, shape};
    check_size("input " + input.name, type);
    result.types[input.name] = type;
    const auto value = values.find(input.name);
    if (value == values.end()) {
      input.dims = fixed_dims(shape);
      result.graph.inputs.push_back(std::move(input));
      continue;
    }
    if (value->second.dtype() != input.dtype) {
      throw Error("input " + input.name, "is " + to_string(value->second.type()), to_string(input));
    }
    result.graph.constants[input.name] = value->second;
  }
  for (const auto& [name, value] : graph.constants) result.types[name] = value.type();
  return result;
}

}  // namespace detail

StaticGraph specialize(const Graph& graph, const std::map<std::string, Shape>& shapes,
                       const SpecializeOptions& options) {
  StaticGraph result = detail::begin_specialization(graph, shapes, options.values);
  Specializer specializer(result, Specializer::Mode::strict, options.fold_limit);
  for (const Node& node : graph.nodes) specializer.take(node);
  result.graph.nodes = specializer.take_kept();
  remove_dead(result.graph);
  declare_outputs(result);
  return result;
}

std::map<std::string, Tensor> evaluate_all(const Graph& graph,
                                           const std::map<std::string, Tensor>& inputs) {
  for (const ValueInfo& input : graph.inputs) {
    if (!inputs.contains(input.name)) throw Error("input " + input.name, "was not given");
  }
  StaticGraph result = detail::begin_specialization(graph, {}, inputs);
  Specializer specializer(result, Specializer::Mode::evaluating, 0);
  for (const Node& node : graph.nodes) specializer.take(node);
  return std::move(result.graph.constants);
}

std::map<std::string, Tensor> evaluate(const Graph& graph,
                                       const std::map<std::string, Tensor>& inputs) {
  const std::map<std::string, Tensor> values = evaluate_all(graph, inputs);
  std::map<std::string, Tensor> outputs;
  for (const ValueInfo& output : graph.outputs) outputs[output.name] = values.at(output.name);
  return outputs;
}

}  // namespace betimes::graph

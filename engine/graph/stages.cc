#include "betimes/graph/stages.h"

#include "betimes/base/error.h"
#include "betimes/graph/detail/specializer.h"

namespace betimes::graph {

using detail::Specializer;

namespace {

/// Larger values than this aren't sizes, axes or conditions.
constexpr int64_t max_steering_elements = 64;

bool small(const TensorType& type) { return element_count(type.shape) <= max_steering_elements; }

/// The inputs of a node put aside that may be known before the next stage is planned; empty where
/// the node is better computed as it stands, its values known.
std::set<std::string> steering_inputs(const Node& node, size_t needed, const StaticGraph& known) {
  const bool control = detail::is_control_flow(node);
  if (needed == 0 && !control) return {};  // data, not a size
  std::set<std::string> steering;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const std::string& name = node.inputs[i];
    if (name.empty() || known.graph.is_constant(name)) continue;
    const TensorType& type = known.types.at(name);
    if (i == needed && !small(type)) return {};
    // The others it will want next, most often.
    const bool likely = !control && i > 0 && is_integer(type.dtype) && small(type);
    if (i == needed || likely) steering.insert(name);
  }
  return steering;
}

class Cut {
 public:
  Cut(const Graph& graph, const std::map<std::string, Shape>& shapes,
      const SpecializeOptions& options)
      : graph_(graph), stages_{detail::begin_specialization(graph, shapes, options.values)} {
    Specializer specializer(stages_.ready, Specializer::Mode::deferring, options.fold_limit);
    for (const Node& node : graph.nodes) specializer.take(node);
    stages_.ready.graph.nodes = specializer.take_kept();
    distribute(specializer.take_deferred(), specializer.needs());
    for (const Node& node : stages_.between) read(node, stages_.constants);
    for (const Node& node : stages_.rest.nodes) {
      read(node, stages_.rest.constants);
      produced_.insert(node.outputs.begin(), node.outputs.end());
    }
    declare_rest();
    declare_ready();
  }
  Stages take() { return std::move(stages_); }

 private:
  void distribute(std::vector<Node> deferred, const std::map<std::string, size_t>& needs) {
    for (Node& node : deferred) {
      const auto need = needs.find(node.name);
      if (need != needs.end()) {
        const auto steering = steering_inputs(node, need->second, stages_.ready);
        if (steering.empty()) {
          if (detail::is_control_flow(node)) throw NeedsValue(node, need->second, "what steers it");
          given_.insert(node.outputs.begin(), node.outputs.end());
          stages_.between.push_back(std::move(node));
          continue;
        }
        stages_.steering.insert(steering.begin(), steering.end());
      }
      stages_.rest.nodes.push_back(std::move(node));
    }
    given_.erase("");
  }

  /// Notes where the node's inputs come from: a copy of a constant, or a part before.
  void read(const Node& node, std::map<std::string, Tensor>& constants) {
    const bool late = &constants == &stages_.rest.constants;
    for (const std::string& input : node.inputs) {
      if (input.empty() || produced_.contains(input)) continue;
      const auto constant = stages_.ready.graph.constants.find(input);
      if (constant != stages_.ready.graph.constants.end()) {
        constants[input] = constant->second;
        continue;
      }
      if (late) carried_.insert(input);
      if (!given_.contains(input)) wanted_.insert(input);
    }
  }

  void declare_rest() {
    for (const std::string& name : carried_) {
      const bool typed = !given_.contains(name);
      stages_.rest.inputs.push_back(
          {name, typed ? stages_.ready.types.at(name).dtype : DType::f32, std::nullopt});
    }
    for (const ValueInfo& output : graph_.outputs) {
      if (produced_.contains(output.name)) stages_.rest.outputs.push_back(output);
    }
  }

  void declare_ready() {
    std::vector<ValueInfo> outputs;
    for (const ValueInfo& output : graph_.outputs) {
      if (produced_.contains(output.name) || given_.contains(output.name)) continue;
      outputs.push_back(output);
      wanted_.erase(output.name);
    }
    for (const std::string& name : wanted_) outputs.push_back({name, DType::f32, std::nullopt});
    for (ValueInfo& output : outputs) {
      const TensorType& type = stages_.ready.types.at(output.name);
      output.dtype = type.dtype;
      output.dims.emplace();
      for (const int64_t extent : type.shape) output.dims->push_back({extent, {}});
    }
    stages_.ready.graph.outputs = std::move(outputs);
    remove_dead(stages_.ready.graph);
  }

  const Graph& graph_;
  Stages stages_;
  std::set<std::string> given_;     // by `between`
  std::set<std::string> produced_;  // by `rest`
  std::set<std::string> carried_;   // inputs of `rest`
  std::set<std::string> wanted_;    // of `ready`, by the others
};

}  // namespace

Stages cut(const Graph& graph, const std::map<std::string, Shape>& shapes,
           const SpecializeOptions& options) {
  return Cut(graph, shapes, options).take();
}

std::set<std::string> deciding_inputs(const Graph& graph, const Stages& stages) {
  // What the first cut reads, followed back to the graph's inputs.
  std::map<std::string, const Node*> producers;
  for (const Node& node : stages.ready.graph.nodes) {
    for (const std::string& output : node.outputs) producers[output] = &node;
  }
  std::vector<std::string> open(stages.steering.begin(), stages.steering.end());
  for (const Node& node : stages.between) {
    open.insert(open.end(), node.inputs.begin(), node.inputs.end());
  }
  std::set<std::string> reached;
  while (!open.empty()) {
    const std::string name = open.back();
    open.pop_back();
    if (!reached.insert(name).second) continue;
    const auto producer = producers.find(name);
    if (producer == producers.end()) continue;
    open.insert(open.end(), producer->second->inputs.begin(), producer->second->inputs.end());
  }
  std::set<std::string> found;
  for (const ValueInfo& input : graph.inputs) {
    const auto type = stages.ready.types.find(input.name);
    if (!reached.contains(input.name) || type == stages.ready.types.end()) continue;
    const bool whole_number =
        is_integer(type->second.dtype) || type->second.dtype == DType::boolean;
    if (whole_number && type->second.shape.size() <= 1 && small(type->second)) {
      found.insert(input.name);
    }
  }
  return found;
}

std::map<std::string, Tensor> evaluate_node(const Node& node,
                                            const std::map<std::string, Tensor>& values) {
  StaticGraph graph;
  for (const std::string& input : node.inputs) {
    if (input.empty()) continue;
    const Tensor& value = values.at(input);
    graph.types[input] = value.type();
    graph.graph.constants[input] = value;
  }
  Specializer specializer(graph, Specializer::Mode::evaluating, 0);
  specializer.take(node);
  std::map<std::string, Tensor> results;
  for (const std::string& output : node.outputs) {
    if (!output.empty()) results[output] = std::move(graph.graph.constants.at(output));
  }
  return results;
}

}  // namespace betimes::graph

#include "betimes/graph/graph.h"

#include <algorithm>
#include <queue>
#include <set>
#include <unordered_map>

#include "betimes/base/error.h"
#include "betimes/graph/operator.h"

namespace betimes::graph {
namespace {

template <class T>
T attribute_or(const Node& node, const std::string& key, T otherwise) {
  const auto it = node.attributes.find(key);
  if (it == node.attributes.end()) return otherwise;
  if (const T* value = std::get_if<T>(&it->second)) return *value;
  throw Error(describe(node), "attribute '" + key + "' has the wrong kind of value");
}

bool kind_matches(const Attribute& value, AttributeKind kind) {
  return value.index() == static_cast<size_t>(kind);
}

void check_count(const Node& node, const char* what, size_t count, int low, int high) {
  if (static_cast<int>(count) >= low && (high < 0 || static_cast<int>(count) <= high)) return;
  const std::string wanted = high < 0      ? "at least " + std::to_string(low)
                             : low == high ? std::to_string(low)
                                           : std::to_string(low) + " to " + std::to_string(high);
  throw Error(describe(node), "has " + std::to_string(count) + " " + what, wanted);
}

void check_node(const Node& node) {
  const Operator& op = operators().get(node);
  check_count(node, "inputs", node.inputs.size(), op.min_inputs, op.max_inputs);
  check_count(node, "outputs", node.outputs.size(), op.min_outputs, op.max_outputs);
  for (int i = 0; i < op.min_inputs; ++i) {
    if (node.inputs[static_cast<size_t>(i)].empty()) {
      throw Error(describe(node), "required input " + std::to_string(i) + " is absent");
    }
  }
  for (const auto& [key, value] : node.attributes) {
    const auto spec =
        std::find_if(op.attributes.begin(), op.attributes.end(),
                     [&, &name = key](const AttributeSpec& s) { return s.name == name; });
    if (spec == op.attributes.end()) {
      throw Error(describe(node), "attribute '" + key + "' isn't supported");
    }
    if (!kind_matches(value, spec->kind)) {
      throw Error(describe(node), "attribute '" + key + "' has the wrong kind of value");
    }
  }
}

void name_nodes(Graph& graph) {
  std::set<std::string> taken;
  for (const Node& node : graph.nodes) taken.insert(node.name);
  std::set<std::string> seen;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    if (!node.name.empty() && seen.insert(node.name).second) continue;
    std::string name = node.op + "_" + std::to_string(i);
    while (!taken.insert(name).second) name += "_";
    node.name = name;
    seen.insert(name);
  }
}

std::unordered_map<std::string, size_t> find_producers(const Graph& graph) {
  std::set<std::string> given;
  for (const auto& [name, tensor] : graph.constants) given.insert(name);
  for (const ValueInfo& input : graph.inputs) {
    if (input.name.empty()) throw Error("graph", "an input has no name");
    if (!given.insert(input.name).second) {
      throw Error("value " + input.name, "is defined twice, as an input and before");
    }
  }
  std::unordered_map<std::string, size_t> producers;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& output : graph.nodes[i].outputs) {
      if (output.empty()) continue;
      if (given.contains(output) || !producers.emplace(output, i).second) {
        throw Error(describe(graph.nodes[i]), "output '" + output + "' is defined twice");
      }
    }
  }
  for (const Node& node : graph.nodes) {
    for (const std::string& input : node.inputs) {
      if (!input.empty() && !given.contains(input) && !producers.contains(input)) {
        throw Error(describe(node), "reads '" + input + "', which nothing produces");
      }
    }
  }
  for (const ValueInfo& output : graph.outputs) {
    if (!given.contains(output.name) && !producers.contains(output.name)) {
      throw Error("graph output " + output.name, "is produced by nothing");
    }
  }
  return producers;
}

void sort_nodes(Graph& graph, const std::unordered_map<std::string, size_t>& producers) {
  const size_t count = graph.nodes.size();
  std::vector<size_t> waiting(count, 0);
  std::vector<std::vector<size_t>> readers(count);
  for (size_t i = 0; i < count; ++i) {
    for (const std::string& input : graph.nodes[i].inputs) {
      const auto it = producers.find(input);
      if (it == producers.end()) continue;
      readers[it->second].push_back(i);
      ++waiting[i];
    }
  }
  // Lowest index first keeps a sorted graph as it is.
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < count; ++i) {
    if (waiting[i] == 0) ready.push(i);
  }
  std::vector<Node> sorted;
  sorted.reserve(count);
  while (!ready.empty()) {
    const size_t i = ready.top();
    ready.pop();
    sorted.push_back(std::move(graph.nodes[i]));
    for (const size_t reader : readers[i]) {
      if (--waiting[reader] == 0) ready.push(reader);
    }
  }
  if (sorted.size() != count) {
    for (size_t i = 0; i < count; ++i) {
      if (waiting[i] > 0) throw Error(describe(graph.nodes[i]), "is part of a cycle");
    }
  }
  graph.nodes = std::move(sorted);
}

}  // namespace

const Graph& Node::body(const std::string& key) const {
  const Subgraph body = attribute_or(*this, key, Subgraph());
  if (!body) throw Error(describe(*this), "has no attribute '" + key + "'");
  return *body;
}

int64_t Node::get(const std::string& key, int64_t otherwise) const {
  return attribute_or(*this, key, otherwise);
}
float Node::get(const std::string& key, float otherwise) const {
  return attribute_or(*this, key, otherwise);
}
std::string Node::get(const std::string& key, const char* otherwise) const {
  return attribute_or(*this, key, std::string(otherwise));
}
std::vector<int64_t> Node::get(const std::string& key, std::vector<int64_t> otherwise) const {
  return attribute_or(*this, key, std::move(otherwise));
}
std::vector<float> Node::get(const std::string& key, std::vector<float> otherwise) const {
  return attribute_or(*this, key, std::move(otherwise));
}

std::vector<std::string> Node::get(const std::string& key,
                                   std::vector<std::string> otherwise) const {
  return attribute_or(*this, key, std::move(otherwise));
}

std::string describe(const Node& node) {
  const std::string full = node.domain.empty() ? node.op : node.domain + "." + node.op;
  return "node " + node.name + " (" + full + ")";
}

std::string to_string(const ValueInfo& info) {
  std::string text = info.name + ": " + std::string(betimes::name(info.dtype));
  if (!info.dims) return text + "[...]";
  text += "[";
  for (size_t i = 0; i < info.dims->size(); ++i) {
    const Dim& dim = (*info.dims)[i];
    if (i) text += ", ";
    text += dim.extent >= 0 ? std::to_string(dim.extent) : dim.symbol.empty() ? "?" : dim.symbol;
  }
  return text + "]";
}

Uses::Uses(const Graph& graph) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& output : graph.nodes[i].outputs) {
      if (!output.empty()) producers_[output] = i;
    }
    for (const std::string& input : graph.nodes[i].inputs) {
      if (!input.empty()) consumers_[input].push_back(i);
    }
  }
  for (const ValueInfo& output : graph.outputs) outputs_[output.name] = true;
}

std::optional<size_t> Uses::producer(const std::string& value) const {
  const auto it = producers_.find(value);
  if (it == producers_.end()) return std::nullopt;
  return it->second;
}

const std::vector<size_t>& Uses::consumers(const std::string& value) const {
  static const std::vector<size_t> none;
  const auto it = consumers_.find(value);
  return it == consumers_.end() ? none : it->second;
}

bool Uses::is_output(const std::string& value) const { return outputs_.contains(value); }

std::optional<size_t> Uses::only_consumer(const std::string& value) const {
  const auto& readers = consumers(value);
  if (readers.size() != 1 || is_output(value)) return std::nullopt;
  return readers[0];
}

void validate(Graph& graph) {
  name_nodes(graph);
  for (const Node& node : graph.nodes) check_node(node);
  sort_nodes(graph, find_producers(graph));
}

void remove_dead(Graph& graph) {
  std::set<std::string> needed;
  for (const ValueInfo& output : graph.outputs) needed.insert(output.name);
  std::vector<Node> kept;
  // Not std::views::reverse: clang 14, which builds the fuzz targets, can't read libstdc++ 12's.
  // NOLINTNEXTLINE(modernize-loop-convert)
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const bool used =
        std::any_of(node->outputs.begin(), node->outputs.end(),
                    [&](const std::string& o) { return !o.empty() && needed.contains(o); });
    if (!used) continue;
    needed.insert(node->inputs.begin(), node->inputs.end());
    kept.push_back(std::move(*node));
  }
  graph.nodes.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  std::erase_if(graph.constants, [&](const auto& entry) { return !needed.contains(entry.first); });
}

std::string fresh_name(const Graph& graph, const std::string& stem) {
  std::set<std::string> taken;
  for (const auto& [name, tensor] : graph.constants) taken.insert(name);
  for (const ValueInfo& input : graph.inputs) taken.insert(input.name);
  for (const Node& node : graph.nodes) taken.insert(node.outputs.begin(), node.outputs.end());
  if (!taken.contains(stem)) return stem;
  for (int i = 1;; ++i) {
    std::string candidate = stem + "_" + std::to_string(i);
    if (!taken.contains(candidate)) return candidate;
  }
}

}  // namespace betimes::graph

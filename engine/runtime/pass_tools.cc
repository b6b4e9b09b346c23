#include "betimes/runtime/detail/pass_tools.h"

#include <algorithm>

namespace betimes::runtime {
namespace {

std::vector<std::string> sources_of(const Node& node) {
  const auto it = node.attributes.find("sources");
  if (it == node.attributes.end()) return {node.name};
  return std::get<std::vector<std::string>>(it->second);
}

}  // namespace

FollowedUses::FollowedUses(const graph::Graph& graph) : nodes_(graph.nodes.size()) {
  for (const graph::ValueInfo& output : graph.outputs) values_[output.name].output = true;
  follow(graph);
}

void FollowedUses::follow(const graph::Graph& graph) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& now = graph.nodes[i];
    if (nodes_[i].inputs == now.inputs && nodes_[i].outputs == now.outputs) continue;
    drop(i);
    nodes_[i] = {now.inputs, now.outputs};
    add(i);
  }
}

void FollowedUses::add(size_t node) {
  for (const std::string& output : nodes_[node].outputs) {
    if (!output.empty()) values_[output].producer = node;
  }
  for (const std::string& input : nodes_[node].inputs) {
    if (input.empty()) continue;
    std::vector<size_t>& readers = values_[input].consumers;
    readers.insert(std::upper_bound(readers.begin(), readers.end(), node), node);
  }
}

void FollowedUses::drop(size_t node) {
  for (const std::string& output : nodes_[node].outputs) {
    // Another node may have taken the name over already.
    if (!output.empty() && values_[output].producer == node) values_[output].producer.reset();
  }
  for (const std::string& input : nodes_[node].inputs) {
    if (!input.empty()) std::erase(values_[input].consumers, node);
  }
}

const FollowedUses::Value& FollowedUses::find(const std::string& value) const {
  static const Value none;
  const auto it = values_.find(value);
  return it == values_.end() ? none : it->second;
}

std::optional<size_t> FollowedUses::producer(const std::string& value) const {
  return find(value).producer;
}

const std::vector<size_t>& FollowedUses::consumers(const std::string& value) const {
  return find(value).consumers;
}

bool FollowedUses::is_output(const std::string& value) const { return find(value).output; }

std::optional<size_t> FollowedUses::only_consumer(const std::string& value) const {
  const Value& found = find(value);
  if (found.consumers.size() != 1 || found.output) return std::nullopt;
  return found.consumers[0];
}

Node* Rewriter::producer(const std::string& value) {
  const auto index = uses_.producer(value);
  return index && !gone_.contains(*index) ? &graph_.graph.nodes[*index] : nullptr;
}

Node* Rewriter::only_consumer(const std::string& value) {
  const auto index = uses_.only_consumer(value);
  return index && !gone_.contains(*index) ? &graph_.graph.nodes[*index] : nullptr;
}

const Tensor* Rewriter::constant(const std::string& value) const {
  const auto it = graph_.graph.constants.find(value);
  return it == graph_.graph.constants.end() ? nullptr : &it->second;
}

bool Rewriter::replace_uses(const std::string& from, const std::string& to) {
  if (uses_.is_output(from)) return false;
  for (Node& node : graph_.graph.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  }
  refresh();
  return true;
}

void Rewriter::remove(Node& node) {
  gone_.insert(static_cast<size_t>(&node - graph_.graph.nodes.data()));
  node.inputs.clear();
  node.outputs.clear();
}

std::string Rewriter::add_constant(const std::string& stem, Tensor value) {
  std::string name = fresh_name(stem);
  graph_.types[name] = value.type();
  graph_.graph.constants[name] = std::move(value);
  return name;
}

std::string Rewriter::fresh_name(const std::string& stem) {
  if (taken_.empty()) {
    for (const auto& [name, tensor] : graph_.graph.constants) taken_.insert(name);
    for (const graph::ValueInfo& input : graph_.graph.inputs) taken_.insert(input.name);
    for (const Node& node : graph_.graph.nodes) {
      taken_.insert(node.outputs.begin(), node.outputs.end());
    }
  }
  std::string name = stem;
  for (int i = 1; !taken_.insert(name).second; ++i) name = stem + "_" + std::to_string(i);
  return name;
}

int Rewriter::finish() {
  if (finished_) return changes_;
  finished_ = true;
  std::vector<Node> kept;
  for (size_t i = 0; i < graph_.graph.nodes.size(); ++i) {
    if (!gone_.contains(i)) kept.push_back(std::move(graph_.graph.nodes[i]));
  }
  graph_.graph.nodes = std::move(kept);
  return changes_;
}

graph::Pass node_pass(const char* name, bool (*rewrite)(Rewriter&, Node&), Direction direction) {
  return {name, [=](StaticGraph& graph) {
            Rewriter rewriter(graph);
            const size_t count = rewriter.size();
            for (size_t i = 0; i < count; ++i) {
              const size_t at = direction == Direction::from_start ? i : count - 1 - i;
              if (rewriter.gone(at)) continue;
              if (rewrite(rewriter, rewriter.node(at))) rewriter.changed();
            }
            return rewriter.finish();
          }};
}

bool is(const Node* node, const char* op, const char* domain) {
  return node && node->op == op && node->domain == domain;
}

std::optional<float> uniform_value(const Tensor* tensor) {
  if (!tensor || tensor->size() == 0 || tensor->dtype() != DType::f32) return std::nullopt;
  const auto data = tensor->data<float>();
  const bool same = std::all_of(data.begin(), data.end(), [&](float x) { return x == data[0]; });
  return same ? std::optional(data[0]) : std::nullopt;
}

std::optional<std::vector<float>> per_channel(const Tensor* tensor, size_t rank, int64_t channels) {
  if (!tensor || tensor->dtype() != DType::f32 || tensor->size() == 0) return std::nullopt;
  if (tensor->size() == 1 && tensor->shape().size() <= rank) {
    return std::vector<float>(static_cast<size_t>(channels), tensor->data<float>()[0]);
  }
  if (tensor->size() != channels || tensor->shape().size() > rank) return std::nullopt;
  // Aligned to the right, as broadcasting does, the one extent that isn't 1 must be dimension 1.
  const size_t offset = rank - tensor->shape().size();
  for (size_t i = 0; i < tensor->shape().size(); ++i) {
    if (tensor->shape()[i] != 1 && i + offset != 1) return std::nullopt;
  }
  const auto data = tensor->data<float>();
  return std::vector<float>(data.begin(), data.end());
}

void absorb(Node& node, const Node& other) {
  std::vector<std::string> all = sources_of(node);
  for (const std::string& name : sources_of(other)) {
    if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
  }
  node.attributes["sources"] = all;
}

}  // namespace betimes::runtime

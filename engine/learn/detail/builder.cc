#include <algorithm>
#include <cctype>

#include "betimes/learn/detail/lowering.h"
#include "betimes/learn/trace.h"

namespace betimes::learn::detail {
namespace {

/// "top.first" of "top.first.weight".
std::string layer_of(const std::string& parameter) {
  const size_t dot = parameter.rfind('.');
  return dot == std::string::npos ? std::string() : parameter.substr(0, dot);
}

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

std::string Builder::unique(const std::string& stem) {
  std::string name = stem;
  while (!taken_.insert(name).second) name = stem + "_" + std::to_string(++counts_[stem]);
  return name;
}

std::string Builder::add(const std::string& op, std::vector<std::string> inputs,
                         Attributes attributes) {
  return add_many(op, std::move(inputs), std::move(attributes), 1)[0];
}

std::vector<std::string> Builder::add_many(const std::string& op, std::vector<std::string> inputs,
                                           Attributes attributes, size_t outputs) {
  std::string layer;
  for (const std::string& input : inputs) {
    if (layer.empty() && graph.is_constant(input)) layer = layer_of(input);
  }
  if (!layer.empty()) last_layer_ = layer;
  graph::Node node;
  node.op = op;
  node.name = unique(layer.empty() ? lower_case(op) : layer);
  for (size_t i = 0; i < outputs; ++i) {
    node.outputs.push_back(outputs == 1 ? node.name : unique(node.name + ".out"));
  }
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  graph.nodes.push_back(std::move(node));
  return graph.nodes.back().outputs;
}

void Builder::publish(const std::string& given, const std::string& name) {
  const std::string value = given;  // `given` may lie in `names`, which is about to change
  graph::Node* producer = nullptr;
  for (graph::Node& node : graph.nodes) {
    const auto output = std::find(node.outputs.begin(), node.outputs.end(), value);
    if (output != node.outputs.end()) producer = &node;
  }
  const bool is_output = std::any_of(graph.outputs.begin(), graph.outputs.end(),
                                     [&](const graph::ValueInfo& o) { return o.name == value; });
  if (producer == nullptr || is_output) {
    graph.nodes.push_back({.name = unique("identity"),
                           .op = "Identity",
                           .domain = {},
                           .inputs = {value},
                           .outputs = {name},
                           .attributes = {}});
    return;
  }
  for (auto& [jit_value, known_as] : names) {
    if (known_as == value) known_as = name;
  }
  std::replace(producer->outputs.begin(), producer->outputs.end(), value, name);
  for (graph::Node& node : graph.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), value, name);
  }
}

std::string Builder::constant(const at::Tensor& value, const std::string& hint) {
  const void* address = value.numel() > 0 ? value.data_ptr() : nullptr;
  const auto named = parameter_names.find(address);
  if (address && named != parameter_names.end()) {
    const auto seen = known_.find(address);
    if (seen != known_.end() && seen->second.second.sizes() == value.sizes() &&
        seen->second.second.strides() == value.strides()) {
      return seen->second.first;
    }
  }
  const std::string name = unique(named == parameter_names.end() ? hint : named->second);
  graph.constants.emplace(name, from_torch(value));
  if (address) known_.emplace(address, std::make_pair(name, value));
  return name;
}

std::string Builder::constant(const std::vector<int64_t>& values) {
  const std::string name = unique("constant");
  graph.constants.emplace(name,
                          Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values));
  return name;
}

std::string Builder::parameter_name(const at::Tensor& value, const std::string& otherwise) const {
  const auto named = parameter_names.find(value.data_ptr());
  return named == parameter_names.end() ? otherwise : named->second;
}

std::string Builder::extents(const Shape& shape, const Shape& growth) {
  std::vector<std::string> parts;
  Shape fixed;
  const auto flush = [&] {
    if (!fixed.empty()) parts.push_back(constant(fixed));
    fixed.clear();
  };
  for (size_t i = 0; i < shape.size(); ++i) {
    if (growth.empty() || growth[i] == 0) {
      fixed.push_back(shape[i]);
      continue;
    }
    flush();
    if (batch_size_.empty()) {
      batch_size_ = add("Shape", {batch.input}, {{"start", batch.axis}, {"end", batch.axis + 1}});
    }
    std::string extent = batch_size_;
    if (growth[i] != 1) extent = add("Mul", {extent, constant({growth[i]})});
    const int64_t rest = shape[i] - growth[i] * batch.extent;
    if (rest != 0) extent = add("Add", {extent, constant({rest})});
    parts.push_back(extent);
  }
  flush();
  if (parts.empty()) return constant(Shape{});
  return parts.size() == 1 ? parts[0] : add("Concat", parts, {{"axis", int64_t{0}}});
}

}  // namespace betimes::learn::detail

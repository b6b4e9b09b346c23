#include "betimes/fit/quantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

#include "betimes/base/error.h"

namespace betimes::fit {
namespace {

using graph::Graph;
using graph::Node;
using graph::Uses;

bool is_one_of(const Node& node, std::initializer_list<std::string_view> ops) {
  return node.domain.empty() &&
         std::find(ops.begin(), ops.end(), std::string_view(node.op)) != ops.end();
}

/// Output values are input values: the same scale serves both.
bool moves_values(const Node& node) {
  return is_one_of(node, {"MaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose",
                          "Identity", "Dropout", "DepthToSpace", "SpaceToDepth", "Slice"});
}

bool is_activation(const Node& node) { return is_one_of(node, {"Relu", "Clip"}); }

/// Axis of the output channels in the weights of a lowerable node.
int64_t channel_axis(const Node& node) {
  if (node.op == "Conv") return 0;
  return node.op == "Gemm" && node.get("transB", int64_t{0}) == 1 ? 0 : 1;
}

bool is_lowerable(const Graph& graph, const Node& node) {
  if (!is_one_of(node, {"Conv", "Gemm", "MatMul"}) || node.inputs.size() < 2) return false;
  const auto weights = graph.constants.find(node.inputs[1]);
  if (weights == graph.constants.end() || weights->second.dtype() != DType::f32) return false;
  if (graph.is_constant(node.inputs[0])) return false;
  if (node.op != "Conv" && weights->second.shape().size() != 2) return false;
  if (node.op != "Gemm") return true;
  const bool plain = node.get("alpha", 1.0f) == 1.0f && node.get("beta", 1.0f) == 1.0f &&
                     node.get("transA", int64_t{0}) == 0;
  const bool bias_fits =
      node.inputs.size() < 3 || node.inputs[2].empty() ||
      (graph.is_constant(node.inputs[2]) && graph.constants.at(node.inputs[2]).shape().size() == 1);
  return plain && bias_fits;
}

/// Finds which values become 8-bit; see quantized_values.
class Marker {
 public:
  Marker(const Graph& graph, const std::set<std::string>& nodes)
      : graph_(graph), uses_(graph), lowered_(nodes) {}

  std::map<std::string, int> run() {
    for (const Node& node : graph_.nodes) {
      if (lowered_.contains(node.name)) mark(node.inputs[0]);
    }
    // Marking one end of a residual addition may mark values before it, so go on until it is still.
    for (size_t before = 0; before != classes_.size();) {
      before = classes_.size();
      for (const Node& node : graph_.nodes) {
        if (is_one_of(node, {"Add"})) mark_residual(node);
      }
    }
    std::map<std::string, int> result;
    for (const auto& [value, id] : classes_) result[value] = root(id);
    return result;
  }

 private:
  int root(int id) {
    while (parents_[static_cast<size_t>(id)] != id) id = parents_[static_cast<size_t>(id)];
    return id;
  }

  void tie(const std::string& a, const std::string& b) {
    parents_[static_cast<size_t>(root(classes_.at(a)))] = root(classes_.at(b));
  }

  void mark(const std::string& value) {
    if (graph_.is_constant(value) || classes_.contains(value)) return;
    classes_[value] = static_cast<int>(parents_.size());
    parents_.push_back(static_cast<int>(parents_.size()));
    const auto producer = uses_.producer(value);
    if (!producer) return;
    const Node& node = graph_.nodes[*producer];
    const bool joins = is_one_of(node, {"Concat"});
    if (!moves_values(node) && !joins) return;
    const size_t sources = joins ? node.inputs.size() : 1;
    for (size_t i = 0; i < sources; ++i) {
      if (graph_.is_constant(node.inputs[i])) continue;
      mark(node.inputs[i]);
      tie(node.inputs[i], value);
    }
  }

  /// Index of the node that produces `value`, where that is computed in int8 and read once.
  std::optional<size_t> lowered_producer(const std::string& value) const {
    const auto producer = uses_.producer(value);
    if (!producer || !lowered_.contains(graph_.nodes[*producer].name)) return std::nullopt;
    return uses_.only_consumer(value) ? producer : std::nullopt;
  }

  void mark_residual(const Node& add) {
    std::string sum = add.outputs[0];
    if (const auto next = uses_.only_consumer(sum); next && is_activation(graph_.nodes[*next])) {
      sum = graph_.nodes[*next].outputs[0];
    }
    if (!classes_.contains(sum)) return;
    const auto left = lowered_producer(add.inputs[0]);
    const auto right = lowered_producer(add.inputs[1]);
    if (!left && !right) return;
    // The later node can add the other operand while it still has the sum in registers.
    const bool left_ends = left && (!right || *left > *right);
    mark(add.inputs[left_ends ? 1 : 0]);
  }

  const Graph& graph_;
  Uses uses_;
  const std::set<std::string>& lowered_;
  std::map<std::string, int> classes_;
  std::vector<int> parents_;
};

struct Parameters {
  float scale = 1;
  uint8_t zero_point = 0;
};

Parameters activation_parameters(const Range& range) {
  const float scale = (range.high - range.low) / 255.0f;
  const float zero = std::nearbyint(-range.low / scale);
  return {scale, static_cast<uint8_t>(std::clamp(zero, 0.0f, 255.0f))};
}

/// Writes the QuantizeLinear and DequantizeLinear nodes of one graph.
class Writer {
 public:
  Writer(const Graph& source, const QuantizeOptions& options)
      : result_(source), options_(options), most_(options.reduced_range ? 64.0f : 127.0f) {
    for (const auto& [name, tensor] : source.constants) taken_.insert(name);
    for (const Node& node : source.nodes) taken_.insert(node.outputs.begin(), node.outputs.end());
    for (const auto& input : source.inputs) taken_.insert(input.name);
  }

  void activation(const std::string& value, const Parameters& parameters) {
    const std::string scale = constant(value + "_scale", Tensor::scalar(parameters.scale));
    const std::string zero = constant(value + "_zero_point", Tensor::scalar(parameters.zero_point));
    const std::string quantized = fresh(value + "_quantized");
    const std::string dequantized = fresh(value + "_dequantized");
    for (Node& node : result_.nodes) {
      std::replace(node.inputs.begin(), node.inputs.end(), value, dequantized);
    }
    // The graph is sorted again at the end, so the place doesn't matter.
    result_.nodes.push_back(
        {value + "_QuantizeLinear", "QuantizeLinear", "", {value, scale, zero}, {quantized}, {}});
    result_.nodes.push_back({value + "_DequantizeLinear",
                             "DequantizeLinear",
                             "",
                             {quantized, scale, zero},
                             {dequantized},
                             {}});
    scales_[dequantized] = parameters.scale;
  }

  void weights(size_t index) {
    const std::string name = result_.nodes[index].name;
    const int64_t axis = channel_axis(result_.nodes[index]);
    const float input_scale = scales_.at(result_.nodes[index].inputs[0]);
    const Tensor source = result_.constants.at(result_.nodes[index].inputs[1]);
    std::vector<float> bias = bias_of(result_.nodes[index]);
    std::vector<float> scales = channel_scales(source, axis, bias, input_scale);
    const std::string scale = constant(
        name + "_weight_scale", Tensor::from<float>({static_cast<int64_t>(scales.size())}, scales));
    const std::string weights =
        constant(name + "_weight_quantized", rounded_weights(source, axis, scales));
    const std::string weights_out = fresh(name + "_weight_dequantized");
    dequantize(name + "_weight_DequantizeLinear", weights, scale, weights_out, axis);
    result_.nodes[index].inputs[1] = weights_out;
    if (!bias.empty()) bias_nodes(index, bias, scales, input_scale);
  }

  Graph finish() {
    graph::validate(result_);
    graph::remove_dead(result_);
    return std::move(result_);
  }

 private:
  std::string fresh(const std::string& stem) {
    std::string name = stem;
    for (int i = 1; !taken_.insert(name).second; ++i) name = stem + "_" + std::to_string(i);
    return name;
  }

  std::string constant(const std::string& stem, Tensor value) {
    std::string name = fresh(stem);
    result_.constants[name] = std::move(value);
    return name;
  }

  void dequantize(const std::string& name, const std::string& input, const std::string& scale,
                  const std::string& output, int64_t axis) {
    result_.nodes.push_back(
        {name, "DequantizeLinear", "", {input, scale}, {output}, {{"axis", axis}}});
  }

  std::vector<float> bias_of(const Node& node) const {
    if (node.inputs.size() < 3 || node.inputs[2].empty()) return {};
    const auto found = result_.constants.find(node.inputs[2]);
    if (found == result_.constants.end()) return {};
    const auto data = found->second.data<float>();
    return {data.begin(), data.end()};
  }

  void bias_nodes(size_t index, const std::vector<float>& bias, const std::vector<float>& scales,
                  float input_scale) {
    const std::string name = result_.nodes[index].name;
    const auto count = static_cast<int64_t>(bias.size());
    std::vector<int32_t> rounded(bias.size());
    std::vector<float> steps(bias.size());
    for (size_t i = 0; i < bias.size(); ++i) {
      steps[i] = scales[scales.size() == bias.size() ? i : 0] * input_scale;
      rounded[i] = static_cast<int32_t>(std::nearbyint(bias[i] / steps[i]));
    }
    const std::string scale = constant(name + "_bias_scale", Tensor::from<float>({count}, steps));
    const std::string values =
        constant(name + "_bias_quantized", Tensor::from<int32_t>({count}, rounded));
    const std::string output = fresh(name + "_bias_dequantized");
    dequantize(name + "_bias_DequantizeLinear", values, scale, output, 0);
    result_.nodes[index].inputs[2] = output;
  }

  /// Calls visit(element, channel) for every weight.
  template <class F>
  static void for_each_weight(const Tensor& weights, int64_t axis, F&& visit) {
    const Shape& shape = weights.shape();
    int64_t inner = 1;
    for (size_t d = static_cast<size_t>(axis) + 1; d < shape.size(); ++d) inner *= shape[d];
    const int64_t channels = shape[static_cast<size_t>(axis)];
    for (int64_t i = 0; i < weights.size(); ++i) {
      visit(static_cast<size_t>(i), static_cast<size_t>(i / inner % channels));
    }
  }

  std::vector<float> channel_scales(const Tensor& weights, int64_t axis,
                                    const std::vector<float>& bias, float input_scale) const {
    const auto data = weights.data<float>();
    std::vector<float> scales(static_cast<size_t>(weights.shape()[static_cast<size_t>(axis)]), 0);
    for_each_weight(weights, axis, [&](size_t i, size_t channel) {
      scales[channel] = std::max(scales[channel], std::fabs(data[i]) / most_);
    });
    for (size_t c = 0; c < scales.size(); ++c) {
      // A channel of (nearly) zero weights must still leave room for its bias in 32 bits.
      const float bias_needs = c < bias.size() ? std::fabs(bias[c]) / (input_scale * 1.0e9f) : 0.0f;
      scales[c] = std::max({scales[c], bias_needs, 1e-20f});
    }
    return scales;
  }

  Tensor rounded_weights(const Tensor& weights, int64_t axis,
                         const std::vector<float>& scales) const {
    const auto data = weights.data<float>();
    Tensor result(DType::i8, weights.shape());
    auto out = result.mutable_data<int8_t>();
    for_each_weight(weights, axis, [&](size_t i, size_t channel) {
      const float step = std::nearbyint(data[i] / scales[channel]);
      out[i] = static_cast<int8_t>(std::clamp(step, -most_, most_));
    });
    return result;
  }

  Graph result_;
  QuantizeOptions options_;
  float most_;
  std::set<std::string> taken_;
  std::map<std::string, float> scales_;  // by dequantized value
};

std::map<int, Range> class_ranges(const std::map<std::string, int>& values,
                                  const std::map<std::string, Range>& ranges) {
  std::map<int, Range> result;
  for (const auto& [value, id] : values) {
    const auto range = ranges.find(value);
    if (range == ranges.end()) throw Error("value " + value, "has no calibrated range");
    Range& shared = result.emplace(id, Range{}).first->second;
    shared.low = std::min(shared.low, range->second.low);
    shared.high = std::max(shared.high, range->second.high);
  }
  return result;
}

}  // namespace

std::vector<std::string> lowerable_nodes(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) {
    if (is_lowerable(graph, node)) names.push_back(node.name);
  }
  return names;
}

std::map<std::string, int> quantized_values(const Graph& graph,
                                            const std::set<std::string>& nodes) {
  return Marker(graph, nodes).run();
}

std::set<std::string> observed_values(const Graph& graph, const std::vector<std::string>& nodes) {
  const std::set<std::string> all(nodes.begin(), nodes.end());
  std::set<std::string> values;
  const auto add = [&](const std::set<std::string>& part) {
    for (const auto& [value, id] : quantized_values(graph, part)) values.insert(value);
  };
  add(all);
  const Uses uses(graph);
  for (const Node& node : graph.nodes) {
    if (!is_one_of(node, {"Add"})) continue;
    for (const std::string& operand : node.inputs) {
      const auto producer = uses.producer(operand);
      if (!producer || !all.contains(graph.nodes[*producer].name)) continue;
      std::set<std::string> without = all;  // then the other one ends the sum
      without.erase(graph.nodes[*producer].name);
      add(without);
    }
  }
  return values;
}

Graph quantize(const Graph& graph, const std::set<std::string>& nodes,
               const std::map<std::string, Range>& ranges, const QuantizeOptions& options) {
  for (const std::string& name : nodes) {
    const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                   [&](const Node& n) { return n.name == name; });
    if (node == graph.nodes.end() || !is_lowerable(graph, *node)) {
      throw Error("node " + name, "can't be computed in int8");
    }
  }
  const std::map<std::string, int> values = quantized_values(graph, nodes);
  const std::map<int, Range> shared = class_ranges(values, ranges);
  Writer writer(graph, options);
  for (const auto& [value, id] : values) {
    writer.activation(value, activation_parameters(shared.at(id)));
  }
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (nodes.contains(graph.nodes[i].name)) writer.weights(i);
  }
  return writer.finish();
}

}  // namespace betimes::fit

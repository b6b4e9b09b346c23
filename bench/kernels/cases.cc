#include "bench/kernels/cases.h"

#include <nlohmann/json.hpp>

#include "betimes/base/cpu.h"
#include "betimes/base/file.h"
#include "betimes/base/random.h"
#include "betimes/fit/quantize.h"

namespace betimes::bench {
namespace {

using nlohmann::json;

graph::ValueInfo fixed_value(const std::string& name, const Shape& shape) {
  std::vector<graph::Dim> dims;
  for (const int64_t extent : shape) dims.push_back({extent, ""});
  return {name, DType::f32, dims};
}

Tensor random_tensor(const Shape& shape, Random& random) {
  Tensor tensor(DType::f32, shape);
  for (float& value : tensor.mutable_data<float>()) {
    value = static_cast<float>(random.uniform(-0.5, 0.5));
  }
  return tensor;
}

graph::Attribute attribute(const json& value) {
  if (value.is_array()) return value.get<std::vector<int64_t>>();
  return value.get<int64_t>();
}

OperatorCase build(const json& entry, Random& random) {
  OperatorCase result;
  result.name = entry.at("name");
  graph::Graph& graph = result.graph;
  graph::Node node;
  node.name = node.op = entry.at("op");
  graph.inputs.push_back(fixed_value("input", entry.at("input").get<Shape>()));
  node.inputs.emplace_back("input");
  if (entry.contains("second")) {
    graph.inputs.push_back(fixed_value("second", entry["second"].get<Shape>()));
    node.inputs.emplace_back("second");
  }
  for (const json& shape : entry.value("weights", json::array())) {
    const std::string name = "weights" + std::to_string(node.inputs.size());
    graph.constants[name] = random_tensor(shape.get<Shape>(), random);
    node.inputs.push_back(name);
  }
  const json attributes = entry.value("attributes", json::object());
  for (const auto& [key, value] : attributes.items()) {
    node.attributes[key] = attribute(value);
  }
  node.outputs = {"output"};
  graph.outputs.push_back({"output", DType::f32, std::nullopt});
  graph.nodes.push_back(std::move(node));
  graph::validate(graph);
  return result;
}

graph::Node on_scale(const std::string& op, const std::string& input, const std::string& output) {
  graph::Node node;
  node.name = node.op = op;
  node.inputs = {input, "output_scale", "output_zero"};
  node.outputs = {output};
  return node;
}

/// Lets the operator write 8 bits, as it does inside a network.
void quantize_output(graph::Graph& graph) {
  for (graph::Node& node : graph.nodes) {
    for (std::string& output : node.outputs) {
      if (output == "output") output = "result";
    }
  }
  graph.constants["output_scale"] = Tensor::scalar(8.0f / 255);
  graph.constants["output_zero"] = Tensor::scalar(uint8_t{128});
  graph.nodes.push_back(on_scale("QuantizeLinear", "result", "result_bits"));
  graph.nodes.push_back(on_scale("DequantizeLinear", "result_bits", "output"));
  graph::validate(graph);
}

}  // namespace

std::vector<OperatorCase> read_operators(const std::string& path) {
  const auto bytes = read_file(path);
  const char* text = reinterpret_cast<const char*>(bytes.data());
  const json list = json::parse(text, text + bytes.size());
  Random random(1);
  std::vector<OperatorCase> cases;
  for (const json& entry : list.at("cases")) cases.push_back(build(entry, random));
  return cases;
}

std::optional<graph::Graph> as_int8(const graph::Graph& graph) {
  const auto listed = fit::lowerable_nodes(graph);
  if (listed.empty()) return std::nullopt;
  const std::set<std::string> nodes(listed.begin(), listed.end());
  std::map<std::string, fit::Range> ranges;
  for (const auto& [name, unused] : fit::quantized_values(graph, nodes)) ranges[name] = {-4, 4};
  fit::QuantizeOptions options;
  options.reduced_range = active_isa() < Isa::avx512_vnni;
  graph::Graph quantized = fit::quantize(graph, nodes, ranges, options);
  quantize_output(quantized);
  return quantized;
}

}  // namespace betimes::bench

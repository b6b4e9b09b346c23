#include "bench/compare/models.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "betimes/base/cpu.h"
#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/fit/quantize.h"
#include "betimes/graph/specialize.h"
#include "betimes/import/onnx.h"

namespace betimes::bench {
namespace {

std::string with_roots(std::string path, const Roots& roots) {
  for (const auto& [name, folder] : roots) {
    const std::string mark = "{" + name + "}";
    if (path.starts_with(mark)) path.replace(0, mark.size(), folder);
  }
  return path;
}

graph::ValueInfo scalar_value(const std::string& name) {
  return {name, DType::f32, std::vector<graph::Dim>{{1, ""}}};
}

}  // namespace

std::vector<Model> read_models(const std::string& path, const Roots& roots) {
  const auto bytes = read_file(path);
  const auto list =
      nlohmann::json::parse(reinterpret_cast<const char*>(bytes.data()),
                            reinterpret_cast<const char*>(bytes.data()) + bytes.size());
  std::vector<Model> models;
  for (const auto& each : list.at("models")) {
    Model model;
    model.name = each.at("name");
    model.group = each.value("group", model.name);
    model.file = with_roots(each.at("file"), roots);
    model.shapes = each.value("shapes", std::map<std::string, Shape>{});
    model.values = each.value("values", std::map<std::string, int64_t>{});
    model.scale = each.at("scale");
    model.offset = each.at("offset");
    models.push_back(std::move(model));
  }
  return models;
}

void fill_pattern(const TensorView& tensor, const Model& model, uint32_t first) {
  const int64_t count = tensor.size();
  const auto at = [&](int64_t i) {
    const uint32_t mixed = (static_cast<uint32_t>(i) + first) * 1103515245u + 12345u;
    const double u = (mixed >> 16) & 255;
    return u / 255 * model.scale + model.offset;
  };
  if (tensor.type.dtype == DType::i64) {
    for (int64_t i = 0; i < count; ++i) tensor.as<int64_t>()[i] = std::llround(at(i));
  } else if (tensor.type.dtype == DType::f32) {
    for (int64_t i = 0; i < count; ++i) tensor.as<float>()[i] = static_cast<float>(at(i));
  } else {
    throw Error(model.name, "has an input that is neither float32 nor int64");
  }
}

graph::Graph in_int8(const graph::Graph& original, const Model& model) {
  constexpr uint32_t examples = 8;
  graph::SpecializeOptions known;
  for (const auto& [name, number] : model.values) known.values[name] = Tensor::scalar(number);
  const auto fixed = graph::specialize(original, model.shapes, known);
  if (fixed.graph.inputs.size() != 1) throw Error(model.name, "has several inputs", "one");
  const auto listed = fit::lowerable_nodes(fixed.graph);
  const std::set<std::string> nodes(listed.begin(), listed.end());
  std::set<std::string> values;
  for (const auto& [name, unused] : fit::quantized_values(fixed.graph, nodes)) values.insert(name);
  TensorType stacked = fixed.types.at(fixed.graph.inputs[0].name);
  stacked.shape.at(0) = examples;
  Tensor inputs(stacked);
  fill_pattern(view(inputs), model);
  std::map<std::string, fit::Range> ranges;
  for (const auto& [name, seen] : fit::observe(fixed.graph, values, inputs, 1)) {
    ranges[name] = fit::find_range(seen, fit::Calibration::min_max);
  }
  fit::QuantizeOptions options;
  options.reduced_range = active_isa() < Isa::avx512_vnni;
  return fit::quantize(fixed.graph, nodes, ranges, options);
}

void write_int8(const Model& model, const std::string& path) {
  import::write_onnx(in_int8(import::read_onnx(model.file), model), path);
}

void write_trivial(size_t inputs, size_t outputs, const std::string& path) {
  graph::Graph trivial;
  trivial.name = "trivial";
  for (size_t i = 0; i < inputs; ++i) {
    trivial.inputs.push_back(scalar_value("input" + std::to_string(i)));
  }
  for (size_t o = 0; o < outputs; ++o) {
    graph::Node node;
    node.name = "copy" + std::to_string(o);
    node.op = "Identity";
    node.inputs = {trivial.inputs[o % inputs].name};
    node.outputs = {"output" + std::to_string(o)};
    trivial.outputs.push_back(scalar_value(node.outputs[0]));
    trivial.nodes.push_back(std::move(node));
  }
  import::write_onnx(trivial, path);
}

}  // namespace betimes::bench

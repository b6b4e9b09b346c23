#include <onnx/onnx_pb.h>

#include <algorithm>
#include <limits>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/import/detail/onnx_tensor.h"
#include "betimes/import/onnx.h"

namespace betimes::import {
namespace {

using graph::Attribute;
using graph::Graph;
using graph::Node;
using onnx::AttributeProto;

// The newest IR version that opset 17's release of ONNX (1.12) knows.
constexpr int ir_version = 8;
// Versions of the domains beside ONNX's default one.
constexpr int own_opset = 1;  // of "betimes"
constexpr int ml_opset = 3;   // of "ai.onnx.ml"

void write_body(const Node& node, const Graph& body, onnx::GraphProto& proto);

void write_value_of(const Node& node, const Attribute& value, AttributeProto& proto) {
  struct Write {
    const Node& node;
    AttributeProto& proto;
    void operator()(int64_t v) const {
      proto.set_type(AttributeProto::INT);
      proto.set_i(v);
    }
    void operator()(float v) const {
      proto.set_type(AttributeProto::FLOAT);
      proto.set_f(v);
    }
    void operator()(const std::string& v) const {
      proto.set_type(AttributeProto::STRING);
      proto.set_s(v);
    }
    void operator()(const std::vector<int64_t>& v) const {
      proto.set_type(AttributeProto::INTS);
      proto.mutable_ints()->Add(v.begin(), v.end());
    }
    void operator()(const std::vector<float>& v) const {
      proto.set_type(AttributeProto::FLOATS);
      proto.mutable_floats()->Add(v.begin(), v.end());
    }
    void operator()(const std::vector<std::string>& v) const {
      proto.set_type(AttributeProto::STRINGS);
      for (const std::string& text : v) proto.add_strings(text);
    }
    void operator()(const Tensor& v) const {
      proto.set_type(AttributeProto::TENSOR);
      detail::to_proto(v, *proto.mutable_t());
    }
    void operator()(const graph::Subgraph& v) const {
      proto.set_type(AttributeProto::GRAPH);
      write_body(node, *v, *proto.mutable_g());
    }
  };
  std::visit(Write{node, proto}, value);
}

/// How many of the node's last inputs ONNX lets its bodies read without saying so.
size_t captures_of(const Node& node) {
  const int64_t captures = node.get("captures", int64_t{0});
  return captures < 0 ? 0 : std::min(static_cast<size_t>(captures), node.inputs.size());
}

void write_node(const Node& node, onnx::NodeProto& proto) {
  proto.set_name(node.name);
  proto.set_op_type(node.op);
  if (!node.domain.empty()) proto.set_domain(node.domain);
  const size_t inputs = node.inputs.size() - captures_of(node);
  for (size_t i = 0; i < inputs; ++i) proto.add_input(node.inputs[i]);
  for (const std::string& output : node.outputs) proto.add_output(output);
  for (const auto& [key, value] : node.attributes) {
    if (key == "captures") continue;
    AttributeProto& attribute = *proto.add_attribute();
    attribute.set_name(key);
    write_value_of(node, value, attribute);
  }
}

void write_value_info(const graph::ValueInfo& info, onnx::ValueInfoProto& proto) {
  proto.set_name(info.name);
  auto& type = *proto.mutable_type()->mutable_tensor_type();
  type.set_elem_type(detail::onnx_type(info.dtype));
  if (!info.dims) return;
  auto& shape = *type.mutable_shape();
  for (const graph::Dim& dim : *info.dims) {
    auto& extent = *shape.add_dim();
    if (dim.extent >= 0) extent.set_dim_value(dim.extent);
    if (dim.extent < 0 && !dim.symbol.empty()) extent.set_dim_param(dim.symbol);
  }
}

/// Everything of a graph but its inputs after the first `inputs`.
void write_graph(const Graph& graph, size_t inputs, onnx::GraphProto& proto) {
  proto.set_name(graph.name.empty() ? "graph" : graph.name);  // the specification wants a name
  for (const Node& node : graph.nodes) write_node(node, *proto.add_node());
  for (size_t i = 0; i < inputs; ++i) write_value_info(graph.inputs[i], *proto.add_input());
  for (const graph::ValueInfo& output : graph.outputs) {
    write_value_info(output, *proto.add_output());
  }
  for (const auto& [name, tensor] : graph.constants) {
    onnx::TensorProto& initializer = *proto.add_initializer();
    initializer.set_name(name);
    detail::to_proto(tensor, initializer);
  }
}

void write_body(const Node& node, const Graph& body, onnx::GraphProto& proto) {
  const size_t captures = std::min(captures_of(node), body.inputs.size());
  const size_t inputs = body.inputs.size() - captures;
  for (size_t i = 0; i < captures; ++i) {
    const std::string& inner = body.inputs[inputs + i].name;
    const std::string& outer = node.inputs[node.inputs.size() - captures + i];
    if (inner == outer) continue;
    const Node copy{inner + "_captured", "Identity", "", {outer}, {inner}, {}};
    write_node(copy, *proto.add_node());
  }
  write_graph(body, inputs, proto);
}

/// Domains of the graph's nodes and of those in their bodies.
void collect_domains(const Graph& graph, std::set<std::string>& domains) {
  for (const Node& node : graph.nodes) {
    if (!node.domain.empty()) domains.insert(node.domain);
    for (const auto& [key, value] : node.attributes) {
      if (const auto* body = std::get_if<graph::Subgraph>(&value)) collect_domains(**body, domains);
    }
  }
}

void write_opsets(const Graph& graph, onnx::ModelProto& model) {
  auto& standard = *model.add_opset_import();
  standard.set_domain("");
  standard.set_version(graph::canonical_opset);
  std::set<std::string> domains;
  collect_domains(graph, domains);
  for (const std::string& domain : domains) {
    auto& other = *model.add_opset_import();
    other.set_domain(domain);
    other.set_version(domain == "ai.onnx.ml" ? ml_opset : own_opset);
  }
}

void check_size(const Graph& graph) {
  size_t bytes = 0;
  for (const auto& [name, tensor] : graph.constants) bytes += tensor.bytes();
  if (bytes > size_t{2'000'000'000}) {
    throw Error("model " + graph.name,
                "has " + std::to_string(bytes) + " bytes of weights, too many for one ONNX file",
                "less than 2 GB");
  }
}

}  // namespace

std::string serialize_onnx(const Graph& graph) {
  check_size(graph);
  onnx::ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name("betimes");
  model.set_producer_version(BETIMES_VERSION);
  write_opsets(graph, model);
  write_graph(graph, graph.inputs.size(), *model.mutable_graph());
  for (const auto& [key, value] : graph.metadata) {
    auto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  std::string bytes;
  if (!model.SerializeToString(&bytes)) {
    throw Error("model " + graph.name, "can't be written as one ONNX file", "less than 2 GB");
  }
  return bytes;
}

void write_onnx(const Graph& graph, const std::string& path) {
  write_file(path, serialize_onnx(graph));
}

}  // namespace betimes::import

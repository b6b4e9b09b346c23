#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/import/detail/onnx_tensor.h"
#include "betimes/import/detail/onnx_upgrade.h"
#include "betimes/import/onnx.h"

namespace betimes::import {
namespace {

using graph::Attribute;
using graph::Graph;
using graph::Node;
using onnx::AttributeProto;

// Names go to terminals, JSON and HTML: they must be text, and not a file's worth of it.
constexpr size_t max_name = 4096;

/// Length of the UTF-8 sequence at `at`, or 0 when it isn't one.
size_t utf8_length(const std::string& text, size_t at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0u; };
  const unsigned first = byte(at);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0u) != 0x80u) return 0;
  }
  const unsigned second = byte(at + 1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) {
    return 0;
  }
  return length;
}

bool is_text(const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string checked_name(const std::string& name, const std::string& what) {
  if (name.size() > max_name) {
    throw Error(what, "has a name of " + std::to_string(name.size()) + " bytes",
                "at most " + std::to_string(max_name));
  }
  bool printable = is_text(name);
  for (const char c : name) printable = printable && static_cast<uint8_t>(c) >= 0x20 && c != 0x7f;
  if (!printable) throw Error(what, "has a name that isn't printable UTF-8");
  return name;
}

std::string checked_domain(const std::string& domain, const std::string& what) {
  return domain == "ai.onnx" ? "" : checked_name(domain, what);
}

/// Old writers leave the kind out; the field that is set tells it.
AttributeProto::AttributeType kind_of(const AttributeProto& proto) {
  if (proto.type() != AttributeProto::UNDEFINED) return proto.type();
  if (proto.has_f()) return AttributeProto::FLOAT;
  if (proto.has_i()) return AttributeProto::INT;
  if (proto.has_s()) return AttributeProto::STRING;
  if (proto.has_t()) return AttributeProto::TENSOR;
  if (proto.floats_size()) return AttributeProto::FLOATS;
  if (proto.ints_size()) return AttributeProto::INTS;
  if (proto.strings_size()) return AttributeProto::STRINGS;
  return AttributeProto::UNDEFINED;
}

std::string checked_text(const std::string& text, const std::string& where) {
  if (!is_text(text)) throw Error(where, "isn't UTF-8 text");
  return text;
}

std::vector<std::string> read_texts(const AttributeProto& proto, const std::string& where) {
  std::vector<std::string> texts;
  for (const std::string& text : proto.strings()) texts.push_back(checked_text(text, where));
  return texts;
}

/// The graphs around the one being read: what a body may take from them.
struct Scope {
  const Scope* outer = nullptr;
  std::map<std::string, Tensor> constants;  // so far

  const Tensor* constant(const std::string& name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
      const auto it = scope->constants.find(name);
      if (it != scope->constants.end()) return &it->second;
    }
    return nullptr;
  }
};

/// What one file's graphs and bodies are read with.
struct Reading {
  detail::ExternalData& external;
  int opset;
};

Graph read_body(const onnx::GraphProto& proto, const Reading& reading, const Scope& scope);

Attribute read_attribute(const AttributeProto& proto, const Reading& reading, const Scope& scope,
                         const std::string& where) {
  switch (kind_of(proto)) {
    case AttributeProto::INT:
      return proto.i();
    case AttributeProto::FLOAT:
      return proto.f();
    case AttributeProto::STRING:
      return checked_text(proto.s(), where);
    case AttributeProto::INTS:
      return std::vector<int64_t>(proto.ints().begin(), proto.ints().end());
    case AttributeProto::FLOATS:
      return std::vector<float>(proto.floats().begin(), proto.floats().end());
    case AttributeProto::STRINGS:
      return read_texts(proto, where);
    case AttributeProto::TENSOR:
      return detail::from_proto(proto.t(), reading.external, where);
    case AttributeProto::GRAPH:
      try {
        return std::make_shared<const Graph>(read_body(proto.g(), reading, scope));
      } catch (const Error& error) {
        throw Error(where, error.what());
      }
    default:
      throw Error(where, "has a kind of value that isn't supported (" +
                             AttributeProto::AttributeType_Name(kind_of(proto)) + ")");
  }
}

/// Values that the body reads and doesn't make: they are its last inputs.
std::vector<std::string> captured_names(const Graph& body) {
  std::set<std::string> made = {""};
  for (const graph::ValueInfo& input : body.inputs) made.insert(input.name);
  for (const auto& [name, tensor] : body.constants) made.insert(name);
  for (const Node& node : body.nodes) made.insert(node.outputs.begin(), node.outputs.end());
  std::vector<std::string> captured;
  const auto see = [&](const std::string& name) {
    if (made.insert(name).second) captured.push_back(name);
  };
  for (const Node& node : body.nodes) {
    for (const std::string& input : node.inputs) see(input);
  }
  for (const graph::ValueInfo& output : body.outputs) see(output.name);
  return captured;
}

/// Makes what the node's bodies read around them inputs of the node, the same for each body.
void connect_captures(Node& node) {
  std::vector<std::string> captured;
  std::set<std::string> seen;
  for (const auto& [key, value] : node.attributes) {
    const auto* body = std::get_if<graph::Subgraph>(&value);
    if (body == nullptr) continue;
    for (const std::string& name : captured_names(**body)) {
      if (seen.insert(name).second) captured.push_back(name);
    }
  }
  for (auto& [key, value] : node.attributes) {
    auto* body = std::get_if<graph::Subgraph>(&value);
    if (body == nullptr) continue;
    Graph with_inputs = **body;
    const auto list = captured_names(with_inputs);
    const std::set<std::string> read(list.begin(), list.end());
    std::set<std::string> made;  // names that the body has given to something of its own
    for (const graph::ValueInfo& input : with_inputs.inputs) made.insert(input.name);
    for (const auto& [name, tensor] : with_inputs.constants) made.insert(name);
    for (const Node& each : with_inputs.nodes) {
      made.insert(each.outputs.begin(), each.outputs.end());
    }
    for (const std::string& name : captured) {
      std::string inner = name;
      if (!read.contains(name)) {
        while (read.contains(inner) || !made.insert(inner).second) inner += "_";
      }
      with_inputs.inputs.push_back({inner, DType::f32, std::nullopt});
    }
    validate(with_inputs);
    *body = std::make_shared<const Graph>(std::move(with_inputs));
  }
  // An absent trip count and condition have their places all the same.
  if (node.op == "Loop" && node.inputs.size() < 2) node.inputs.resize(2);
  node.inputs.insert(node.inputs.end(), captured.begin(), captured.end());
  node.attributes["captures"] = static_cast<int64_t>(captured.size());
}

Node read_node(const onnx::NodeProto& proto, int index, const Reading& reading,
               const Scope& scope) {
  Node node;
  const std::string place = "node number " + std::to_string(index);
  node.op = checked_name(proto.op_type(), place);
  node.name = checked_name(proto.name(), place);
  node.domain = checked_domain(proto.domain(), place);
  // Messages need a name before validation gives one.
  if (node.name.empty()) node.name = node.op + "_" + std::to_string(index);
  const std::string where = describe(node);
  if (node.op.empty()) throw Error(where, "has no operator");
  for (const auto& input : proto.input()) node.inputs.push_back(checked_name(input, where));
  for (const auto& output : proto.output()) node.outputs.push_back(checked_name(output, where));
  bool has_body = false;
  for (const AttributeProto& attribute : proto.attribute()) {
    const std::string name = checked_name(attribute.name(), where);
    const std::string at = where + " attribute '" + name + "'";
    has_body = has_body || kind_of(attribute) == AttributeProto::GRAPH;
    if (!node.attributes.emplace(name, read_attribute(attribute, reading, scope, at)).second) {
      throw Error(at, "is given twice");
    }
  }
  // Trailing absent inputs and outputs are the same as none.
  while (!node.inputs.empty() && node.inputs.back().empty()) node.inputs.pop_back();
  while (node.outputs.size() > 1 && node.outputs.back().empty()) node.outputs.pop_back();
  if (has_body) connect_captures(node);
  return node;
}

graph::Dim read_dim(const onnx::TensorShapeProto::Dimension& proto, const std::string& where) {
  if (proto.has_dim_param()) return {-1, checked_name(proto.dim_param(), where)};
  if (!proto.has_dim_value() || proto.dim_value() == -1) return {};
  if (proto.dim_value() < 0) throw Error(where, "has a negative extent");
  return {proto.dim_value(), {}};
}

graph::ValueInfo read_value(const onnx::ValueInfoProto& proto, const std::string& kind) {
  graph::ValueInfo info;
  info.name = checked_name(proto.name(), kind);
  const std::string where = kind + " " + info.name;
  if (info.name.empty()) throw Error(kind, "has no name");
  const bool typed =
      proto.has_type() && proto.type().value_case() != onnx::TypeProto::VALUE_NOT_SET;
  if (typed && !proto.type().has_tensor_type()) {
    throw Error(where, "isn't a tensor (sequences, maps and optionals aren't supported)");
  }
  const onnx::TypeProto::Tensor& type = proto.type().tensor_type();
  // Inference gives the types of outputs; some exporters don't declare them.
  if (kind == "input" || type.elem_type() != 0) {
    info.dtype = detail::from_onnx_type(type.elem_type(), where);
  }
  if (!type.has_shape()) return info;
  if (type.shape().dim_size() > 32) throw Error(where, "has more than 32 dimensions");
  info.dims.emplace();
  for (const auto& dim : type.shape().dim()) info.dims->push_back(read_dim(dim, where));
  return info;
}

int default_opset(const onnx::ModelProto& model) {
  std::optional<int64_t> version;
  std::set<std::string> seen;
  for (const auto& entry : model.opset_import()) {
    const std::string domain = checked_domain(entry.domain(), "opset import");
    if (!seen.insert(domain).second) {
      throw Error("opset import", "domain '" + domain + "' is given twice");
    }
    if (domain.empty()) version = entry.version();
  }
  // Models of other domains' operators only needn't name ours.
  const auto& nodes = model.graph().node();
  const bool needed = std::any_of(nodes.begin(), nodes.end(), [](const onnx::NodeProto& node) {
    return node.domain().empty() || node.domain() == "ai.onnx";
  });
  if (!version && !needed && !seen.empty()) return graph::canonical_opset;
  if (!version) throw Error("opset import", "has no version for ONNX's default domain");
  if (*version < oldest_opset || *version > newest_opset) {
    throw Error("opset " + std::to_string(*version), "isn't supported",
                std::to_string(oldest_opset) + " to " + std::to_string(newest_opset));
  }
  return static_cast<int>(*version);
}

void read_initializers(const onnx::GraphProto& proto, detail::ExternalData& external,
                       Graph& graph) {
  for (const onnx::TensorProto& initializer : proto.initializer()) {
    const std::string name = checked_name(initializer.name(), "initializer");
    if (name.empty()) throw Error("initializer", "has no name");
    Tensor tensor = detail::from_proto(initializer, external, "initializer " + name);
    if (!graph.constants.emplace(name, std::move(tensor)).second) {
      throw Error("initializer " + name, "is given twice");
    }
  }
}

/// Initializers, nodes and outputs; `scope` gets the constants.
Graph read_graph(const onnx::GraphProto& proto, const Reading& reading, Scope& scope) {
  if (proto.sparse_initializer_size() > 0) {
    throw Error("sparse initializer " + proto.sparse_initializer(0).values().name(),
                "isn't supported", "dense tensors");
  }
  Graph graph;
  graph.name = checked_name(proto.name(), "graph");
  read_initializers(proto, reading.external, graph);
  scope.constants = graph.constants;
  for (int i = 0; i < proto.node_size(); ++i) {
    graph.nodes.push_back(read_node(proto.node(i), i, reading, scope));
    const Node& node = graph.nodes.back();
    if (detail::is_constant_node(node) && node.outputs.size() == 1) {
      scope.constants.emplace(node.outputs[0], detail::constant_value(node));
    }
  }
  for (const auto& output : proto.output()) graph.outputs.push_back(read_value(output, "output"));
  return graph;
}

Graph read_body(const onnx::GraphProto& proto, const Reading& reading, const Scope& outer) {
  Scope scope{&outer, {}};
  Graph body = read_graph(proto, reading, scope);
  for (const auto& input : proto.input()) body.inputs.push_back(read_value(input, "body input"));
  // Rewriting wants to see axes and the like wherever they are written; weights may stay outside.
  constexpr size_t small = size_t{64} << 10;
  for (const std::string& name : captured_names(body)) {
    const Tensor* known = outer.constant(name);
    if (known != nullptr && known->bytes() <= small) body.constants[name] = *known;
  }
  detail::to_canonical(body, reading.opset);
  return body;
}

Graph read_model(const onnx::ModelProto& model, detail::ExternalData& external) {
  if (model.functions_size() > 0) {
    throw Error("function " + model.functions(0).name(), "model-local functions aren't supported");
  }
  if (model.training_info_size() > 0) throw Error("training info", "isn't supported");
  if (!model.has_graph()) throw Error("model", "has no graph", "an ONNX model");
  const int opset = default_opset(model);
  Scope scope;
  Graph graph = read_graph(model.graph(), {external, opset}, scope);
  for (const auto& input : model.graph().input()) {
    // Until IR version 3 every weight was listed as an input as well.
    if (graph.is_constant(input.name())) continue;
    graph.inputs.push_back(read_value(input, "input"));
  }
  if (graph.outputs.empty()) throw Error("graph", "has no outputs");
  for (const auto& entry : model.metadata_props()) {
    const std::string key = checked_name(entry.key(), "metadata");
    graph.metadata[key] = checked_text(entry.value(), "metadata " + key);
  }
  detail::to_canonical(graph, opset);
  validate(graph);
  return graph;
}

/// Fills a message from bytes; throws Error when they aren't all of one.
template <class Message>
Message decode(std::span<const std::byte> bytes, const std::string& where, const char* what) {
  if (bytes.empty()) throw Error(where, "is empty", what);
  if (bytes.size() > std::numeric_limits<int>::max()) throw Error(where, "is larger than 2 GiB");
  Message message;
  google::protobuf::io::ArrayInputStream array(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream stream(&array);
  if (!message.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    throw Error(where, std::string("is truncated or isn't ") + what);
  }
  return message;
}

Graph parse(std::span<const std::byte> bytes, const std::string& where,
            detail::ExternalData external) {
  const auto model = decode<onnx::ModelProto>(bytes, where, "an ONNX model");
  try {
    return read_model(model, external);
  } catch (const Error& error) {
    throw Error(where, error.what());
  }
}

}  // namespace

Graph parse_onnx(std::span<const std::byte> bytes, const std::string& where) {
  return parse(bytes, where, detail::ExternalData(std::nullopt));
}

Graph read_onnx(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parse(read_file(path), path, detail::ExternalData(parent.empty() ? "." : parent));
}

Tensor read_onnx_tensor(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path);
  const auto proto = decode<onnx::TensorProto>(bytes, path, "an ONNX tensor");
  detail::ExternalData none(std::nullopt);
  return detail::from_proto(proto, none, path);
}

}  // namespace betimes::import

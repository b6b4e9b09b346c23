#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "betimes/tensor/tensor.h"

namespace betimes::graph {

/// The operator-set version whose semantics every Graph has, whatever file it came from. Import
/// rewrites older and newer forms of an operator to this one; export writes this version.
inline constexpr int canonical_opset = 17;

using betimes::to_string;  // of shapes and types, beside those of graphs

struct Graph;
/// A body of If, Loop or Scan. Where ONNX lets a body read any value around it, ours says what it
/// reads: the node's last `captures` inputs are the body's last inputs.
using Subgraph = std::shared_ptr<const Graph>;

using Attribute = std::variant<int64_t, float, std::string, std::vector<int64_t>,
                               std::vector<float>, std::vector<std::string>, Tensor, Subgraph>;

/// One operation. `inputs` and `outputs` name values; an empty name is an optional input or output
/// that is absent. Every value has exactly one producer: a node, a graph input or a constant.
struct Node {
  std::string name;  // unique in its graph
  std::string op;    // ONNX's operator name ("Conv"), or one of ours in domain "betimes"
  std::string domain;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::map<std::string, Attribute> attributes;

  /// The attribute, or the default where the node doesn't carry it. A wrong kind throws Error.
  int64_t get(const std::string& key, int64_t otherwise) const;
  float get(const std::string& key, float otherwise) const;
  std::string get(const std::string& key, const char* otherwise) const;
  std::vector<int64_t> get(const std::string& key, std::vector<int64_t> otherwise) const;
  std::vector<float> get(const std::string& key, std::vector<float> otherwise) const;
  std::vector<std::string> get(const std::string& key, std::vector<std::string> otherwise) const;
  /// The body of that name; throws Error when there is none.
  const Graph& body(const std::string& key) const;
  bool has(const std::string& key) const { return attributes.contains(key); }
};

/// "conv1 (Conv)": how messages name a node.
std::string describe(const Node& node);

/// An extent: fixed, or a symbol ("N") that a caller gives when compiling; an empty symbol is an
/// extent that the file leaves open.
struct Dim {
  int64_t extent = -1;  // -1: symbolic
  std::string symbol;
  bool operator==(const Dim&) const = default;
};

/// A graph input or output as declared.
struct ValueInfo {
  std::string name;
  DType dtype = DType::f32;
  std::optional<std::vector<Dim>> dims;  // nullopt: rank unknown
};
std::string to_string(const ValueInfo& info);

/// A model as plain data, in ONNX's operator vocabulary (canonical_opset).
struct Graph {
  std::string name;
  std::vector<Node> nodes;  // in topological order
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
  std::map<std::string, Tensor> constants;
  std::map<std::string, std::string> metadata;

  bool is_constant(const std::string& value) const { return constants.contains(value); }
};

/// Where each value comes from and goes to. Valid until the graph's nodes change.
class Uses {
 public:
  explicit Uses(const Graph& graph);
  /// Index of the producing node, or nullopt for inputs and constants.
  std::optional<size_t> producer(const std::string& value) const;
  /// Indices of the nodes that read the value (a node that reads it twice is listed twice).
  const std::vector<size_t>& consumers(const std::string& value) const;
  /// True when the value is one of the graph's outputs.
  bool is_output(const std::string& value) const;
  /// The one node that reads the value, when there is exactly one use and it isn't a graph output.
  std::optional<size_t> only_consumer(const std::string& value) const;

 private:
  std::map<std::string, size_t> producers_;
  std::map<std::string, std::vector<size_t>> consumers_;
  std::map<std::string, bool> outputs_;
};

/// Sorts nodes topologically and checks the graph: every input has a producer, no value has two, no
/// cycle, node names unique (empty or repeated ones are given "<op>_<index>"), operators known with
/// allowed attributes and numbers of inputs and outputs. Throws Error naming the node.
void validate(Graph& graph);

/// Drops nodes whose outputs nothing reads, and constants that nothing reads.
void remove_dead(Graph& graph);

/// A value name that the graph doesn't use yet, starting with `stem`.
std::string fresh_name(const Graph& graph, const std::string& stem);

}  // namespace betimes::graph

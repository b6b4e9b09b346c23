#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/jit/ir/ir.h>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "betimes/graph/graph.h"

namespace betimes::learn::detail {

using Attributes = std::map<std::string, graph::Attribute>;

/// The graph under construction, and which of its values stands for which of LibTorch's.
class Builder {
 public:
  graph::Graph graph;
  /// Parameter names by the address of their data.
  std::unordered_map<const void*, std::string> parameter_names;
  /// Values of the jit graph that were lowered already.
  std::unordered_map<const torch::jit::Value*, std::string> names;

  /// Adds a node with one output and returns the output's name, made from the layer whose weights
  /// the node reads or else from its operator.
  std::string add(const std::string& op, std::vector<std::string> inputs,
                  Attributes attributes = {});
  /// The same with `outputs` outputs.
  std::vector<std::string> add_many(const std::string& op, std::vector<std::string> inputs,
                                    Attributes attributes, size_t outputs);
  /// Names a constant; parameters keep their own name and exist once.
  std::string constant(const at::Tensor& value, const std::string& hint = "constant");
  std::string constant(const std::vector<int64_t>& values);  // i64 [values]

  /// Keeps a name for an input or output of the graph.
  void reserve(const std::string& name) { taken_.insert(name); }
  /// Renames the value to the graph's output `name`; where it has to keep its own name (an input,
  /// or an output already), copies it by an Identity.
  void publish(const std::string& value, const std::string& name);

  /// The last layer with weights; where an error message says it got to.
  const std::string& last_layer() const { return last_layer_; }

 private:
  std::string unique(const std::string& stem);

  std::set<std::string> taken_;
  std::map<std::string, int> counts_;
  std::map<const void*, std::pair<std::string, at::Tensor>> known_;  // keeps the tensors alive
  std::string last_layer_;
};

/// One operation of the jit graph as its lowering sees it. Operands are those of the schema, by
/// position. Throws Error (with where()) for what an operand isn't.
class Call {
 public:
  Call(const torch::jit::Node& node, Builder& builder) : node_(node), builder_(builder) {}

  std::string where() const;
  [[noreturn]] void refuse(const std::string& what, const std::string& expected = {}) const;

  bool is_none(size_t i) const;
  bool is_number(size_t i) const;      // fixed, and not a tensor
  std::string tensor(size_t i) const;  // name of its value in the graph
  /// The operand's value where it is a constant tensor (a weight).
  std::optional<at::Tensor> known(size_t i) const;
  std::vector<std::string> tensors(size_t i) const;  // of a list of tensors
  std::vector<Shape> shapes_of_list(size_t i) const;
  Shape shape(size_t i) const;  // as traced
  at::ScalarType type(size_t i) const;
  int64_t rank(size_t i) const { return static_cast<int64_t>(shape(i).size()); }
  int64_t integer(size_t i) const;
  double real(size_t i) const;  // from an int, float or bool
  bool flag(size_t i) const;
  std::string text(size_t i) const;
  std::vector<int64_t> integers(size_t i) const;
  /// An axis in 0..rank of operand 0 (`extra` for operations that add one).
  int64_t axis(size_t i, int64_t extra = 0) const;

  Shape out_shape() const;
  at::ScalarType out_type() const;

  std::string add(const std::string& op, std::vector<std::string> inputs,
                  Attributes attributes = {}) const {
    return builder_.add(op, std::move(inputs), std::move(attributes));
  }
  /// A scalar of operand 0's element type, or of the result's where `like_result`.
  std::string scalar(double value, bool like_result = false) const;
  std::string scalar_of(double value, at::ScalarType type) const;
  Builder& builder() const { return builder_; }

  /// Says which value of the graph is the operation's result.
  void result(const std::string& name) const { builder_.names[node_.output(0)] = name; }
  /// The same for operations that return a list of tensors, which the next node unpacks.
  size_t list_size() const;
  void results(const std::vector<std::string>& names) const;

 private:
  const torch::jit::Value* operand(size_t i) const;
  std::string name_of(const torch::jit::Value* value) const;

  const torch::jit::Node& node_;
  Builder& builder_;
};

/// How one operation of LibTorch ("aten::relu") becomes nodes of ours.
struct Lowering {
  std::string_view operation;
  std::function<void(const Call&)> lower;
};

std::span<const Lowering> arithmetic_lowerings();
std::span<const Lowering> activation_lowerings();
std::span<const Lowering> layer_lowerings();
std::span<const Lowering> shape_lowerings();

/// Lowers every node of a traced jit graph.
void lower(const torch::jit::Graph& source, Builder& builder);

/// A reshape from `from` to `to` that holds for every batch size: see the source.
std::string reshape(const Call& call, const std::string& value, const Shape& from, const Shape& to);

}  // namespace betimes::learn::detail

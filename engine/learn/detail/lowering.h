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
#include <unordered_set>
#include <vector>

#include "betimes/graph/graph.h"

namespace betimes::learn::detail {

using Attributes = std::map<std::string, graph::Attribute>;

/// What of a trace hangs on the batch size.
struct BatchUse {
  std::string input;  // whose extent on `axis` is the batch; empty: the batch is fixed
  int64_t axis = 0;
  int64_t extent = 0;  // the examples'
  /// Per axis by how much a value's extent grows with each further example; left out: not at all.
  std::unordered_map<const torch::jit::Value*, Shape> growth;
  /// Constants that another batch size would have made otherwise.
  std::unordered_set<const torch::jit::Value*> varying;
};

/// Fills `use` from the traces of one function on a batch and on a batch of one more. Throws Error
/// when they don't do the same.
void compare_traces(const torch::jit::Graph& trace, const torch::jit::Graph& larger, BatchUse& use);

/// The graph under construction, and which of its values stands for which of LibTorch's.
class Builder {
 public:
  graph::Graph graph;
  /// Parameter names by the address of their data.
  std::unordered_map<const void*, std::string> parameter_names;
  /// Values of the jit graph that were lowered already.
  std::unordered_map<const torch::jit::Value*, std::string> names;
  /// What hangs on the batch size, found by compare_traces().
  BatchUse batch;

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
  /// A shape as a value, i64 [rank]: a constant, or computed where it grows with the batch.
  std::string extents(const Shape& shape, const Shape& growth);
  /// What a constant made from this parameter should be called.
  std::string parameter_name(const at::Tensor& value, const std::string& otherwise) const;

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
  std::string batch_size_;                                           // i64 [1], once it was needed
  std::string last_layer_;
};

/// One operation of the jit graph as its lowering sees it. Operands are those of the schema, by
/// position. Throws Error (with where()) for what an operand isn't.
class Call {
 public:
  Call(const torch::jit::Node& node, Builder& builder) : node_(node), builder_(builder) {}

  std::string where() const;
  size_t operands() const { return node_.inputs().size(); }
  [[noreturn]] void refuse(const std::string& what, const std::string& expected = {}) const;

  bool is_none(size_t i) const;
  bool is_number(size_t i) const;      // fixed, and not a tensor
  std::string tensor(size_t i) const;  // name of its value in the graph
  /// The operand's value where it is a constant tensor (a weight).
  std::optional<at::Tensor> known(size_t i) const;
  std::vector<std::string> tensors(size_t i) const;  // of a list of tensors; "" for None
  /// The list's values where all are constant tensors.
  std::optional<std::vector<at::Tensor>> known_list(size_t i) const;
  /// Element `at` of the list where it is a constant tensor.
  std::optional<at::Tensor> known_in_list(size_t i, size_t at) const;
  std::vector<Shape> shapes_of_list(size_t i) const;
  std::vector<at::ScalarType> types_of_list(size_t i) const;  // Undefined for None
  /// What the list's tensors broadcast to, and how it grows with the batch.
  std::pair<Shape, Shape> shape_of_list_together(size_t i) const;
  Shape shape(size_t i) const;  // as traced
  at::ScalarType type(size_t i) const;
  int64_t rank(size_t i) const { return static_cast<int64_t>(shape(i).size()); }
  /// Operand i's extent on `axis`, for what must not depend on the batch.
  int64_t fixed_extent(size_t i, int64_t axis) const;
  int64_t integer(size_t i) const;
  double real(size_t i) const;  // from an int, float or bool
  bool flag(size_t i) const;
  std::string text(size_t i) const;
  std::vector<int64_t> integers(size_t i) const;
  /// An axis in 0..rank of operand 0 (`extra` for operations that add one).
  int64_t axis(size_t i, int64_t extra = 0) const;

  Shape out_shape(size_t output = 0) const;
  at::ScalarType out_type(size_t output = 0) const;
  /// By how much the extents grow with each further example of the batch; zeros where it is fixed.
  Shape growth(size_t i) const { return growth_of(operand(i)); }
  Shape out_growth() const { return growth_of(node_.output(0)); }
  /// The result's shape as a value, i64 [rank].
  std::string out_extents() const { return builder_.extents(out_shape(), out_growth()); }

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
  /// The same for operations that have several results, or return a list which the next node
  /// unpacks. An empty name stands for a result that isn't given; using it is refused.
  void results(const std::vector<std::string>& names) const;
  size_t list_size() const;
  /// Whether anything uses result i.
  bool used(size_t i) const { return node_.output(i)->hasUses(); }

 private:
  /// Of a list; both empty for None.
  struct Element {
    const torch::jit::Value* value = nullptr;  // none in a list that is a constant as a whole
    std::optional<at::Tensor> constant;
  };

  const torch::jit::Value* operand(size_t i) const;
  std::vector<Element> elements(size_t i) const;
  std::string name_of(const torch::jit::Value* value) const;
  Shape growth_of(const torch::jit::Value* value) const;
  /// The value of an operand that is fixed and would be the same for any batch.
  std::optional<c10::IValue> fixed(size_t i) const;

  const torch::jit::Node& node_;
  Builder& builder_;
};

/// How one operation of LibTorch ("aten::relu") becomes nodes of ours.
struct Lowering {
  std::string_view operation;
  std::function<void(const Call&)> lower;
};

std::span<const Lowering> activation_lowerings();
std::span<const Lowering> arithmetic_lowerings();
std::span<const Lowering> matrix_lowerings();
std::span<const Lowering> index_lowerings();
std::span<const Lowering> convolution_lowerings();
std::span<const Lowering> logic_lowerings();
std::span<const Lowering> normalization_lowerings();
std::span<const Lowering> recurrent_lowerings();
std::span<const Lowering> reduction_lowerings();
std::span<const Lowering> resampling_lowerings();
std::span<const Lowering> shape_lowerings();

/// Lowers every node of a traced jit graph.
void lower(const torch::jit::Graph& source, Builder& builder);

/// Operand 0 in the shape of the result, for every batch size.
std::string reshape_to_result(const Call& call);

/// Operand i as a tensor of element type `type`, cast where it has another: LibTorch promotes, ONNX
/// doesn't. A fixed number becomes a 0-dimensional constant.
std::string typed(const Call& call, size_t i, at::ScalarType type);
/// typed() in the result's element type.
std::string operand(const Call& call, size_t i);
std::string cast(const Call& call, const std::string& value, at::ScalarType to);

/// Operand i's values for each of `axes` spatial axes; LibTorch lets one value stand for all.
std::vector<int64_t> spread(const Call& call, size_t i, size_t axes);
/// The same padding before and after each axis, as ONNX lists it.
std::vector<int64_t> both_ends(const std::vector<int64_t>& padding);

/// Lowerings that many tables need: operand 0 through one operator without attributes, and
/// operand 0 as it is.
std::function<void(const Call&)> unary(std::string op);
void identity(const Call& call);

}  // namespace betimes::learn::detail

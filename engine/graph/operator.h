#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/graph/graph.h"

namespace betimes::graph {

/// Thrown where a node's output types hang on the value of an input that isn't known before the
/// model runs.
class NeedsValue : public Error {
 public:
  NeedsValue(const Node& node, size_t input, std::string_view what);
  size_t input() const { return input_; }

 private:
  size_t input_;
};

/// Values of more dimensions or bytes than these are refused wherever a graph's shapes are
/// inferred, before anything is allocated for them.
inline constexpr size_t max_rank = 8;
inline constexpr size_t max_value_bytes = size_t{8} << 30;

/// What shape inference and evaluation of one node may look at. Optional inputs that are absent
/// have a null type.
struct NodeContext {
  const Node& node;
  std::span<const TensorType* const> inputs;
  std::span<const Tensor* const> constants;  // per input: its value when known ahead, else null

  bool present(size_t i) const { return i < inputs.size() && inputs[i] != nullptr; }
  /// Type of input i; throws Error when it is absent.
  const TensorType& type(size_t i) const;
  const Shape& shape(size_t i) const { return type(i).shape; }
  /// Value of input i that must be known before the node is planned (shapes, axes, scales); throws
  /// NeedsValue when it is computed from the model's input.
  const Tensor& constant(size_t i, std::string_view what) const;
  /// Elements of an integer constant input (i32 or i64) as int64.
  std::vector<int64_t> integers(size_t i, std::string_view what) const;
};

/// Computes a node on dense host memory. Everything that can be worked out from attributes and
/// shapes is worked out when it is made; a call reads `inputs` (absent ones have data == nullptr),
/// writes all of `outputs`, and allocates nothing unless the operator's page says so.
using Evaluator =
    std::function<void(std::span<const TensorView> inputs, std::span<const TensorView> outputs)>;

enum class AttributeKind { integer, real, text, integers, reals, texts, tensor, graph };

struct AttributeSpec {
  std::string name;
  AttributeKind kind;
};

/// An operator: what ONNX's specification says of it, its shape inference, and a plain scalar
/// implementation. The latter makes every operator run everywhere, folds constants, and is the last
/// choice of the runtime, after the fast kernels in runtime/kernels.
struct Operator {
  std::string name;
  std::string domain = {};  // "" is ONNX's default domain
  int min_inputs = 1;
  int max_inputs = 1;  // -1: any number
  int min_outputs = 1;
  int max_outputs = 1;
  std::vector<AttributeSpec> attributes = {};
  /// Types that the first input may have, checked before `infer`; empty: every type.
  std::vector<DType> types = {};
  /// Whether a node with constant inputs may become a constant. DequantizeLinear says no: the int8
  /// weights it reads are what the runtime's fused kernels want.
  bool foldable = true;
  /// Types of the outputs; throws Error when the inputs don't fit the operator.
  std::function<std::vector<TensorType>(const NodeContext&)> infer = {};
  /// Called after `infer` accepted the node. `outputs` are the types it gave.
  std::function<Evaluator(const NodeContext&, std::span<const TensorType> outputs)> prepare = {};
};

/// Throws Error when a value of this type is beyond max_rank or max_value_bytes.
void check_size(std::string_view where, const TensorType& type);

/// All operators. Each file graph/operators/<stem>.cc adds its own in `register_<stem>`; the list
/// of these calls is generated from the file names.
class OperatorRegistry {
 public:
  void add(Operator op);
  const Operator* find(std::string_view name, std::string_view domain = "") const;
  /// Throws Error naming the node when its operator isn't supported.
  const Operator& get(const Node& node) const;
  std::vector<const Operator*> all() const;

 private:
  std::map<std::pair<std::string, std::string>, Operator, std::less<>> operators_;
};

const OperatorRegistry& operators();

}  // namespace betimes::graph

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "betimes/graph/operator.h"

/// What the operators' shape inference shares: checks that name the node, say what was found and
/// what would be right.
namespace betimes::graph::detail {

[[noreturn]] void fail(const NodeContext& context, const std::string& what,
                       const std::string& expected = {});

/// "input 1 is float32[3, 4]"
std::string found_input(const NodeContext& context, size_t i);

void require_dtype(const NodeContext& context, size_t i, DType wanted);
void require_one_of(const NodeContext& context, size_t i, const std::vector<DType>& wanted);
void require_same_dtype(const NodeContext& context, size_t i, size_t as);
void require_shape(const NodeContext& context, size_t i, const Shape& wanted);
/// At most one element, whatever the rank.
void require_single(const NodeContext& context, size_t i);
void require_rank(const NodeContext& context, size_t i, size_t low, size_t high);

/// The value when low <= value <= high; else throws Error naming `what`.
int64_t bounded(const NodeContext& context, std::string_view what, int64_t value, int64_t low,
                int64_t high);
/// An attribute that is 0 or 1.
bool flag(const NodeContext& context, const std::string& attribute, bool otherwise);

/// An axis of [-rank, rank) counted from the front.
size_t normalized_axis(const NodeContext& context, int64_t axis, size_t rank);
/// The same for several: sorted, and refused when two are the same.
std::vector<size_t> normalized_axes(const NodeContext& context, const std::vector<int64_t>& axes,
                                    size_t rank);

/// The types that infer gives, most often one.
inline std::vector<TensorType> one(DType dtype, Shape shape) { return {{dtype, std::move(shape)}}; }
/// Output like input 0.
inline std::vector<TensorType> same_as_input(const NodeContext& context) {
  return {context.type(0)};
}

/// True when the node names output i.
inline bool has_output(const NodeContext& context, size_t i) {
  return i < context.node.outputs.size() && !context.node.outputs[i].empty();
}

/// Attribute 'axes' in the order in which it gives them, counted from the front; all axes where the
/// node doesn't carry it. Refused when two are the same.
std::vector<size_t> ordered_axes(const NodeContext& context, size_t rank);

/// The type that ONNX's TensorProto.DataType numbers so; throws Error for the ones we don't have.
DType dtype_of_onnx(const NodeContext& context, int64_t code);

}  // namespace betimes::graph::detail

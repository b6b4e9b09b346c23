#include "betimes/graph/detail/check.h"

#include <algorithm>
#include <numeric>

#include "betimes/base/error.h"

namespace betimes::graph::detail {
namespace {

std::string join(const std::vector<DType>& types) {
  std::string text;
  for (const DType type : types) text += (text.empty() ? "" : ", ") + std::string(name(type));
  return text;
}

}  // namespace

void fail(const NodeContext& context, const std::string& what, const std::string& expected) {
  throw Error(describe(context.node), what, expected);
}

std::string found_input(const NodeContext& context, size_t i) {
  return "input " + std::to_string(i) + " is " + to_string(context.type(i));
}

void require_dtype(const NodeContext& context, size_t i, DType wanted) {
  if (context.type(i).dtype != wanted) {
    fail(context, found_input(context, i), std::string(name(wanted)));
  }
}

void require_one_of(const NodeContext& context, size_t i, const std::vector<DType>& wanted) {
  const DType found = context.type(i).dtype;
  if (std::find(wanted.begin(), wanted.end(), found) != wanted.end()) return;
  fail(context, found_input(context, i), (wanted.size() > 1 ? "one of " : "") + join(wanted));
}

void require_same_dtype(const NodeContext& context, size_t i, size_t as) {
  if (context.type(i).dtype == context.type(as).dtype) return;
  fail(context, found_input(context, i),
       std::string(name(context.type(as).dtype)) + ", as input " + std::to_string(as) + " is");
}

void require_shape(const NodeContext& context, size_t i, const Shape& wanted) {
  if (context.shape(i) != wanted) fail(context, found_input(context, i), to_string(wanted));
}

void require_single(const NodeContext& context, size_t i) {
  if (element_count(context.shape(i)) != 1) fail(context, found_input(context, i), "one element");
}

void require_rank(const NodeContext& context, size_t i, size_t low, size_t high) {
  const size_t rank = context.shape(i).size();
  if (rank >= low && rank <= high) return;
  std::string wanted = std::to_string(low);
  if (high > max_rank) {
    wanted = "at least " + wanted;
  } else if (high != low) {
    wanted += " to " + std::to_string(high);
  }
  fail(context, found_input(context, i), wanted + " dimensions");
}

int64_t bounded(const NodeContext& context, std::string_view what, int64_t value, int64_t low,
                int64_t high) {
  if (value < low || value > high) {
    fail(context, std::string(what) + " is " + std::to_string(value),
         std::to_string(low) + " to " + std::to_string(high));
  }
  return value;
}

bool flag(const NodeContext& context, const std::string& attribute, bool otherwise) {
  const int64_t value = context.node.get(attribute, int64_t{otherwise});
  return bounded(context, "attribute '" + attribute + "'", value, 0, 1) == 1;
}

size_t normalized_axis(const NodeContext& context, int64_t axis, size_t rank) {
  const auto extent = static_cast<int64_t>(rank);
  if (axis < -extent || axis >= extent) {
    fail(context, "axis " + std::to_string(axis) + " isn't one of a value of " +
                      std::to_string(rank) + " dimensions");
  }
  return static_cast<size_t>(axis < 0 ? axis + extent : axis);
}

std::vector<size_t> normalized_axes(const NodeContext& context, const std::vector<int64_t>& axes,
                                    size_t rank) {
  std::vector<size_t> result;
  for (const int64_t axis : axes) result.push_back(normalized_axis(context, axis, rank));
  std::sort(result.begin(), result.end());
  const auto twice = std::adjacent_find(result.begin(), result.end());
  if (twice != result.end()) fail(context, "axis " + std::to_string(*twice) + " is given twice");
  return result;
}

std::vector<size_t> ordered_axes(const NodeContext& context, size_t rank) {
  std::vector<int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  axes = context.node.get("axes", axes);
  normalized_axes(context, axes, rank);  // refuses what comes twice
  std::vector<size_t> result;
  for (const int64_t axis : axes) result.push_back(normalized_axis(context, axis, rank));
  return result;
}

DType dtype_of_onnx(const NodeContext& context, int64_t code) {
  switch (code) {
    case 1:
      return DType::f32;
    case 2:
      return DType::u8;
    case 3:
      return DType::i8;
    case 4:
      return DType::u16;
    case 5:
      return DType::i16;
    case 6:
      return DType::i32;
    case 7:
      return DType::i64;
    case 9:
      return DType::boolean;
    case 10:
      return DType::f16;
    case 11:
      return DType::f64;
    case 12:
      return DType::u32;
    case 13:
      return DType::u64;
    case 16:
      return DType::bf16;
    default:
      break;
  }
  fail(context, "ONNX element type " + std::to_string(code) + " isn't supported",
       "a number, a 16-bit float or bool");
}

}  // namespace betimes::graph::detail

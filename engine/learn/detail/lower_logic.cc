// Comparisons, logic and choices.
#include <limits>

#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

/// The type in which LibTorch compares operands a and b: a number adapts to the tensor's kind, and
/// so does a 0-dimensional tensor.
at::ScalarType common_type(const Call& call, size_t a, size_t b) {
  const auto stand_in = [&](size_t i) {
    return at::empty(call.rank(i) == 0 ? Shape{} : Shape{1},
                     at::TensorOptions().dtype(call.type(i)));
  };
  if (!call.is_number(b)) return at::result_type(stand_in(a), stand_in(b));
  const double number = call.real(b);
  const bool whole = number == static_cast<double>(static_cast<int64_t>(number));
  const at::Scalar scalar = whole ? at::Scalar(static_cast<int64_t>(number)) : at::Scalar(number);
  return at::result_type(stand_in(a), scalar);
}

std::function<void(const Call&)> comparison(std::string op) {
  return [op](const Call& call) {
    const at::ScalarType type = common_type(call, 0, 1);
    call.result(call.add(op, {typed(call, 0, type), typed(call, 1, type)}));
  };
}

void not_equal(const Call& call) {
  const at::ScalarType type = common_type(call, 0, 1);
  const std::string equal = call.add("Equal", {typed(call, 0, type), typed(call, 1, type)});
  call.result(call.add("Not", {equal}));
}

std::function<void(const Call&)> logical(std::string op) {
  return [op](const Call& call) {
    call.result(call.add(op, {typed(call, 0, at::kBool), typed(call, 1, at::kBool)}));
  };
}

/// ONNX has one operator for truth values and one for integers.
std::function<void(const Call&)> bitwise(std::string op) {
  return [op](const Call& call) {
    const bool truth = call.out_type() == at::kBool;
    call.result(call.add(truth ? op : "Bitwise" + op, {operand(call, 0), operand(call, 1)}));
  };
}

void bitwise_not(const Call& call) {
  call.result(call.add(call.type(0) == at::kBool ? "Not" : "BitwiseNot", {call.tensor(0)}));
}

void logical_not(const Call& call) { call.result(call.add("Not", {typed(call, 0, at::kBool)})); }

void is_finite(const Call& call) {
  const std::string x = call.tensor(0);
  call.result(call.add("Not", {call.add("Or", {call.add("IsNaN", {x}), call.add("IsInf", {x})})}));
}

void where(const Call& call) {
  if (call.operands() != 3) {
    call.refuse("gives as many positions as there are true values", "where(condition, a, b)");
  }
  call.result(call.add("Where", {typed(call, 0, at::kBool), operand(call, 1), operand(call, 2)}));
}

// masked_fill(x, mask, value)
void masked_fill(const Call& call) {
  call.result(call.add("Where", {typed(call, 1, at::kBool), operand(call, 2), call.tensor(0)}));
}

// threshold(x, bound, value): x where it is greater than the bound, else the value
void threshold(const Call& call) {
  const std::string above = call.add("Greater", {call.tensor(0), call.scalar(call.real(1))});
  call.result(call.add("Where", {above, call.tensor(0), call.scalar(call.real(2))}));
}

/// `otherwise` unless the model names the value.
double given(const Call& call, size_t i, double otherwise) {
  return call.is_none(i) ? otherwise : call.real(i);
}

// nan_to_num(x, nan, posinf, neginf)
void nan_to_num(const Call& call) {
  if (call.type(0) != at::kFloat) call.refuse("isn't of float32", "float32");
  const std::string x = call.tensor(0);
  const auto bound = static_cast<double>(std::numeric_limits<float>::max());
  const auto infinite = [&](const char* kept, const char* ignored) {
    return call.add("IsInf", {x}, {{kept, int64_t{1}}, {ignored, int64_t{0}}});
  };
  std::string result =
      call.add("Where", {call.add("IsNaN", {x}), call.scalar(given(call, 1, 0.0)), x});
  result = call.add("Where", {infinite("detect_positive", "detect_negative"),
                              call.scalar(given(call, 2, bound)), result});
  call.result(call.add("Where", {infinite("detect_negative", "detect_positive"),
                                 call.scalar(given(call, 3, -bound)), result}));
}

}  // namespace

std::span<const Lowering> logic_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::bitwise_and", bitwise("And")},
      {"aten::bitwise_not", bitwise_not},
      {"aten::bitwise_or", bitwise("Or")},
      {"aten::bitwise_xor", bitwise("Xor")},
      {"aten::eq", comparison("Equal")},
      {"aten::ge", comparison("GreaterOrEqual")},
      {"aten::gt", comparison("Greater")},
      {"aten::isfinite", is_finite},
      {"aten::isinf", unary("IsInf")},
      {"aten::isnan", unary("IsNaN")},
      {"aten::le", comparison("LessOrEqual")},
      {"aten::logical_and", logical("And")},
      {"aten::logical_not", logical_not},
      {"aten::logical_or", logical("Or")},
      {"aten::logical_xor", logical("Xor")},
      {"aten::lt", comparison("Less")},
      {"aten::masked_fill", masked_fill},
      {"aten::nan_to_num", nan_to_num},
      {"aten::ne", not_equal},
      {"aten::threshold", threshold},
      {"aten::where", where},
      {"aten::__and__", bitwise("And")},
      {"aten::__or__", bitwise("Or")},
      {"aten::__xor__", bitwise("Xor")},
  };
  return list;
}

}  // namespace betimes::learn::detail

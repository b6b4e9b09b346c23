// Element-wise arithmetic.
#include <cmath>
#include <numbers>

#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

int64_t onnx_type(const Call& call, at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return 1;
    case at::kByte:
      return 2;
    case at::kChar:
      return 3;
    case at::kShort:
      return 5;
    case at::kInt:
      return 6;
    case at::kLong:
      return 7;
    case at::kBool:
      return 9;
    case at::kHalf:
      return 10;
    case at::kDouble:
      return 11;
    case at::kBFloat16:
      return 16;
    default:
      call.refuse("uses an element type that ONNX lacks");
  }
}

std::function<void(const Call&)> binary(std::string op) {
  return [op](const Call& call) {
    call.result(call.add(op, {operand(call, 0), operand(call, 1)}));
  };
}

/// op(operand 0) times a number.
std::function<void(const Call&)> times(std::string op, double factor) {
  return [op, factor](const Call& call) {
    call.result(call.add("Mul", {call.add(op, {call.tensor(0)}), call.scalar(factor)}));
  };
}

/// a + alpha * b, a - alpha * b.
std::function<void(const Call&)> scaled(std::string op, bool reversed = false) {
  return [op, reversed](const Call& call) {
    std::string a = operand(call, 0);
    std::string b = operand(call, 1);
    if (reversed) std::swap(a, b);  // rsub: b - alpha * a
    const double alpha = call.is_none(2) ? 1.0 : call.real(2);
    std::string& factor = b;
    if (alpha != 1.0) factor = call.add("Mul", {factor, call.scalar(alpha, true)});
    call.result(call.add(op, {a, b}));
  };
}

/// The quotient rounded down or towards zero. Integers go through float64, in which their quotient
/// rounds to the right side as long as they have at most 53 bits.
void divide_rounded(const Call& call, const std::string& mode) {
  const at::ScalarType type = call.out_type();
  const at::ScalarType wide = at::isIntegralType(type, false) ? at::kDouble : type;
  const std::string quotient = call.add("Div", {typed(call, 0, wide), typed(call, 1, wide)});
  std::string rounded;
  if (mode == "floor") {
    rounded = call.add("Floor", {quotient});
  } else if (mode == "trunc") {
    const std::string size = call.add("Floor", {call.add("Abs", {quotient})});
    rounded = call.add("Mul", {call.add("Sign", {quotient}), size});
  } else {
    call.refuse("rounds by " + mode, "floor or trunc");
  }
  call.result(wide == type ? rounded : cast(call, rounded, type));
}

void divide(const Call& call) {
  if (!call.is_none(2)) return divide_rounded(call, call.text(2));
  binary("Div")(call);
}

void truncate(const Call& call) {
  const std::string x = call.tensor(0);
  const std::string size = call.add("Floor", {call.add("Abs", {x})});
  call.result(call.add("Mul", {call.add("Sign", {x}), size}));
}

/// The remainder with the divisor's sign, as Python's %.
void remainder(const Call& call) {
  const std::string a = operand(call, 0), b = operand(call, 1);
  if (at::isIntegralType(call.out_type(), false)) {
    return call.result(call.add("Mod", {a, b}));
  }
  const std::string whole = call.add("Floor", {call.add("Div", {a, b})});
  call.result(call.add("Sub", {a, call.add("Mul", {whole, b})}));
}

/// The remainder with the dividend's sign.
void fmod(const Call& call) {
  call.result(call.add("Mod", {operand(call, 0), operand(call, 1)}, {{"fmod", int64_t{1}}}));
}

void rsqrt(const Call& call) {
  call.result(call.add("Reciprocal", {call.add("Sqrt", {call.tensor(0)})}));
}

void square(const Call& call) { call.result(call.add("Mul", {call.tensor(0), call.tensor(0)})); }

void exp2(const Call& call) { call.result(call.add("Pow", {call.scalar(2.0), call.tensor(0)})); }

void log1p(const Call& call) {
  call.result(call.add("Log", {call.add("Add", {call.tensor(0), call.scalar(1.0)})}));
}

void expm1(const Call& call) {
  call.result(call.add("Sub", {call.add("Exp", {call.tensor(0)}), call.scalar(1.0)}));
}

// atan2(y, x): atan(y / x), turned by half a circle where x is negative.
void atan2(const Call& call) {
  const std::string y = operand(call, 0), x = operand(call, 1);
  const std::string zero = call.scalar(0.0, true);
  const std::string turn =
      call.add("Where", {call.add("Less", {y, zero}), call.scalar(-std::numbers::pi, true),
                         call.scalar(std::numbers::pi, true)});
  const std::string shift = call.add("Where", {call.add("Less", {x, zero}), turn, zero});
  const std::string angle = call.add("Atan", {call.add("Div", {y, x})});
  const std::string origin =
      call.add("And", {call.add("Equal", {x, zero}), call.add("Equal", {y, zero})});
  call.result(call.add("Where", {origin, zero, call.add("Add", {angle, shift})}));
}

// x + value * op(a, b)
std::function<void(const Call&)> add_combined(std::string op) {
  return [op](const Call& call) {
    std::string term = call.add(op, {operand(call, 1), operand(call, 2)});
    const double factor = call.is_none(3) ? 1.0 : call.real(3);
    if (factor != 1.0) term = call.add("Mul", {term, call.scalar(factor, true)});
    call.result(call.add("Add", {operand(call, 0), term}));
  };
}

// lerp(start, end, weight)
void lerp(const Call& call) {
  const std::string start = operand(call, 0);
  const std::string way = call.add("Sub", {operand(call, 1), start});
  call.result(call.add("Add", {start, call.add("Mul", {operand(call, 2), way})}));
}

void to_type(const Call& call) {
  const bool same = call.type(0) == call.out_type();
  call.result(same ? call.tensor(0) : cast(call, call.tensor(0), call.out_type()));
}

}  // namespace

std::string cast(const Call& call, const std::string& value, at::ScalarType to) {
  return call.add("Cast", {value}, {{"to", onnx_type(call, to)}});
}

std::string typed(const Call& call, size_t i, at::ScalarType type) {
  if (call.is_number(i)) return call.scalar_of(call.real(i), type);
  // Numbers in expressions like `x + 1` also come as 0-dimensional constants of a wider type.
  const auto known = call.known(i);
  if (known && known->dim() == 0) return call.scalar_of(call.real(i), type);
  return call.type(i) == type ? call.tensor(i) : cast(call, call.tensor(i), type);
}

std::string operand(const Call& call, size_t i) { return typed(call, i, call.out_type()); }

std::span<const Lowering> arithmetic_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::abs", unary("Abs")},
      {"aten::acos", unary("Acos")},
      {"aten::acosh", unary("Acosh")},
      {"aten::add", scaled("Add")},
      {"aten::addcdiv", add_combined("Div")},
      {"aten::addcmul", add_combined("Mul")},
      {"aten::asin", unary("Asin")},
      {"aten::asinh", unary("Asinh")},
      {"aten::atan", unary("Atan")},
      {"aten::atan2", atan2},
      {"aten::atanh", unary("Atanh")},
      {"aten::ceil", unary("Ceil")},
      {"aten::cos", unary("Cos")},
      {"aten::cosh", unary("Cosh")},
      {"aten::div", divide},
      {"aten::erf", unary("Erf")},
      {"aten::exp", unary("Exp")},
      {"aten::exp2", exp2},
      {"aten::expm1", expm1},
      {"aten::floor", unary("Floor")},
      {"aten::floor_divide", [](const Call& call) { divide_rounded(call, "floor"); }},
      {"aten::fmod", fmod},
      {"aten::lerp", lerp},
      {"aten::log", unary("Log")},
      {"aten::log10", times("Log", 1.0 / std::numbers::ln10)},
      {"aten::log1p", log1p},
      {"aten::log2", times("Log", 1.0 / std::numbers::ln2)},
      {"aten::maximum", binary("Max")},
      {"aten::minimum", binary("Min")},
      {"aten::mul", binary("Mul")},
      {"aten::neg", unary("Neg")},
      {"aten::pow", binary("Pow")},
      {"aten::reciprocal", unary("Reciprocal")},
      {"aten::remainder", remainder},
      {"aten::round", unary("Round")},
      {"aten::rsqrt", rsqrt},
      {"aten::rsub", scaled("Sub", true)},
      {"aten::sign", unary("Sign")},
      {"aten::sin", unary("Sin")},
      {"aten::sinh", unary("Sinh")},
      {"aten::sqrt", unary("Sqrt")},
      {"aten::square", square},
      {"aten::sub", scaled("Sub")},
      {"aten::tan", unary("Tan")},
      {"aten::to", to_type},
      {"aten::trunc", truncate},
      {"aten::type_as", to_type},
      {"aten::_to_copy", to_type},
  };
  return list;
}

}  // namespace betimes::learn::detail

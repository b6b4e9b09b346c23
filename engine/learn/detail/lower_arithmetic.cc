// Element-wise arithmetic and reductions.
#include <numeric>

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

std::string cast(const Call& call, const std::string& value, at::ScalarType to) {
  return call.add("Cast", {value}, {{"to", onnx_type(call, to)}});
}

/// Operand i as a tensor of the result's element type: LibTorch promotes, ONNX doesn't. Numbers
/// come as such or, from expressions like `x + 1`, as 0-dimensional constants of a wider type.
std::string promoted(const Call& call, size_t i) {
  const auto known = call.known(i);
  const bool is_number = known ? known->dim() == 0 : false;
  if (is_number) return call.scalar_of(known->item<double>(), call.out_type());
  return call.type(i) == call.out_type() ? call.tensor(i)
                                         : cast(call, call.tensor(i), call.out_type());
}

std::string operand(const Call& call, size_t i) {
  return call.is_number(i) ? call.scalar(call.real(i), true) : promoted(call, i);
}

std::function<void(const Call&)> unary(std::string op) {
  return [op](const Call& call) { call.result(call.add(op, {call.tensor(0)})); };
}

std::function<void(const Call&)> binary(std::string op) {
  return [op](const Call& call) {
    call.result(call.add(op, {operand(call, 0), operand(call, 1)}));
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

void divide(const Call& call) {
  if (!call.is_none(2)) call.refuse("rounds its result", "a true division");
  binary("Div")(call);
}

void rsqrt(const Call& call) {
  call.result(call.add("Reciprocal", {call.add("Sqrt", {call.tensor(0)})}));
}

void to_type(const Call& call) {
  const bool same = call.type(0) == call.out_type();
  call.result(same ? call.tensor(0) : cast(call, call.tensor(0), call.out_type()));
}

std::vector<int64_t> reduced_axes(const Call& call, size_t i) {
  std::vector<int64_t> axes;
  if (!call.is_none(i)) axes = call.integers(i);
  if (axes.empty()) {
    axes.resize(static_cast<size_t>(call.rank(0)));
    std::iota(axes.begin(), axes.end(), int64_t{0});
  }
  for (int64_t& axis : axes) axis += axis < 0 ? call.rank(0) : 0;
  return axes;
}

/// The mean over all of an image's pixels is a pooling, for which runtimes have better kernels.
void mean(const Call& call) {
  const std::vector<int64_t> axes = reduced_axes(call, 1);
  const bool keep = call.flag(2);
  if (call.rank(0) == 4 &&
      (axes == std::vector<int64_t>{2, 3} || axes == std::vector<int64_t>{3, 2})) {
    const std::string pooled = call.add("GlobalAveragePool", {call.tensor(0)});
    call.result(keep ? pooled : call.add("Flatten", {pooled}, {{"axis", int64_t{1}}}));
    return;
  }
  call.result(
      call.add("ReduceMean", {call.tensor(0)}, {{"axes", axes}, {"keepdims", int64_t{keep}}}));
}

void sum(const Call& call) {
  call.result(call.add("ReduceSum",
                       {call.tensor(0), call.builder().constant(reduced_axes(call, 1))},
                       {{"keepdims", int64_t{call.flag(2)}}}));
}

/// Over one axis or several, the axes as an attribute.
std::function<void(const Call&)> reduce(std::string op) {
  return [op](const Call& call) {
    call.result(call.add(op, {call.tensor(0)},
                         {{"axes", reduced_axes(call, 1)}, {"keepdims", int64_t{call.flag(2)}}}));
  };
}

}  // namespace

std::span<const Lowering> arithmetic_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::abs", unary("Abs")},
      {"aten::add", scaled("Add")},
      {"aten::amax", reduce("ReduceMax")},
      {"aten::amin", reduce("ReduceMin")},
      {"aten::ceil", unary("Ceil")},
      {"aten::cos", unary("Cos")},
      {"aten::div", divide},
      {"aten::erf", unary("Erf")},
      {"aten::exp", unary("Exp")},
      {"aten::floor", unary("Floor")},
      {"aten::log", unary("Log")},
      {"aten::maximum", binary("Max")},
      {"aten::mean", mean},
      {"aten::minimum", binary("Min")},
      {"aten::mul", binary("Mul")},
      {"aten::neg", unary("Neg")},
      {"aten::pow", binary("Pow")},
      {"aten::reciprocal", unary("Reciprocal")},
      {"aten::rsqrt", rsqrt},
      {"aten::rsub", scaled("Sub", true)},
      {"aten::sin", unary("Sin")},
      {"aten::sqrt", unary("Sqrt")},
      {"aten::sub", scaled("Sub")},
      {"aten::sum", sum},
      {"aten::to", to_type},
      {"aten::_to_copy", to_type},
  };
  return list;
}

}  // namespace betimes::learn::detail

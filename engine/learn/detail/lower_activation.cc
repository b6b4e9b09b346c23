// Activations. Those without an ONNX operator at the canonical opset are written out in the form
// that exporters use, so that one fusion pattern serves them all.
#include <cmath>
#include <numbers>

#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

void clip(const Call& call, std::optional<double> low, std::optional<double> high) {
  call.result(call.add("Clip", {call.tensor(0), low ? call.scalar(*low) : std::string(),
                                high ? call.scalar(*high) : std::string()}));
}

std::optional<double> bound(const Call& call, size_t i) {
  if (call.is_none(i)) return std::nullopt;
  return call.real(i);
}

/// Bounds are numbers or tensors, either may be none.
void clamp_between(const Call& call, size_t low, size_t high) {
  const auto is_tensor = [&](size_t i) { return !call.is_none(i) && !call.is_number(i); };
  if (!is_tensor(low) && !is_tensor(high)) return clip(call, bound(call, low), bound(call, high));
  std::string value = operand(call, 0);
  if (!call.is_none(low)) value = call.add("Max", {value, operand(call, low)});
  if (!call.is_none(high)) value = call.add("Min", {value, operand(call, high)});
  call.result(value);
}

void clamp(const Call& call) { clamp_between(call, 1, 2); }

void gelu(const Call& call) {
  const std::string x = call.tensor(0);
  const auto mul = [&](const std::string& a, double b) {
    return call.add("Mul", {a, call.scalar(b)});
  };
  std::string inner;
  if (call.is_none(1) || call.text(1) == "none") {
    inner = call.add("Erf", {call.add("Div", {x, call.scalar(std::numbers::sqrt2)})});
  } else {
    const std::string cube = call.add("Pow", {x, call.scalar(3.0)});
    const std::string sum = call.add("Add", {x, mul(cube, 0.044715)});
    inner = call.add("Tanh", {mul(sum, std::sqrt(2.0 * std::numbers::inv_pi))});
  }
  const std::string gate = call.add("Add", {inner, call.scalar(1.0)});
  call.result(mul(call.add("Mul", {x, gate}), 0.5));
}

void silu(const Call& call) {
  const std::string x = call.tensor(0);
  call.result(call.add("Mul", {x, call.add("Sigmoid", {x})}));
}

void mish(const Call& call) {
  const std::string x = call.tensor(0);
  call.result(call.add("Mul", {x, call.add("Tanh", {call.add("Softplus", {x})})}));
}

// softplus(x, beta, threshold): beyond the threshold LibTorch's is the identity, within rounding
void softplus(const Call& call) {
  const double beta = call.real(1);
  if (beta == 1.0) return call.result(call.add("Softplus", {call.tensor(0)}));
  const std::string scaled = call.add("Mul", {call.tensor(0), call.scalar(beta)});
  call.result(call.add("Div", {call.add("Softplus", {scaled}), call.scalar(beta)}));
}

void log_sigmoid(const Call& call) {
  call.result(call.add("Neg", {call.add("Softplus", {call.add("Neg", {call.tensor(0)})})}));
}

// hardshrink(x, bound) and softshrink(x, bound), which also moves x towards zero
std::function<void(const Call&)> shrink(bool soft) {
  return [soft](const Call& call) {
    const auto bound = static_cast<float>(call.real(1));
    call.result(
        call.add("Shrink", {call.tensor(0)}, {{"lambd", bound}, {"bias", soft ? bound : 0.0f}}));
  };
}

// glu(x, axis): the first half gated by the second
void glu(const Call& call) {
  const int64_t axis = call.axis(1), half = call.fixed_extent(0, axis) / 2;
  const std::string sizes = call.builder().constant(std::vector<int64_t>{half, half});
  const auto parts = call.builder().add_many("Split", {call.tensor(0), sizes}, {{"axis", axis}}, 2);
  call.result(call.add("Mul", {parts[0], call.add("Sigmoid", {parts[1]})}));
}

void hardsigmoid(const Call& call) {
  call.result(call.add("HardSigmoid", {call.tensor(0)},
                       {{"alpha", static_cast<float>(1.0 / 6.0)}, {"beta", 0.5f}}));
}

void leaky_relu(const Call& call) {
  call.result(
      call.add("LeakyRelu", {call.tensor(0)}, {{"alpha", static_cast<float>(call.real(1))}}));
}

// elu(x, alpha, scale, input_scale)
void elu(const Call& call) {
  if (call.real(3) != 1.0) call.refuse("scales its input", "input_scale 1");
  const std::string curve =
      call.add("Elu", {call.tensor(0)}, {{"alpha", static_cast<float>(call.real(1))}});
  const double scale = call.real(2);
  call.result(scale == 1.0 ? curve : call.add("Mul", {curve, call.scalar(scale)}));
}

/// LibTorch's slopes are [1] or [C] along axis 1; ONNX broadcasts from the last axis.
void prelu(const Call& call) {
  const auto slope = call.known(1);
  if (!slope) call.refuse("has slopes that are computed", "a parameter");
  std::vector<int64_t> shape(static_cast<size_t>(std::max<int64_t>(call.rank(0) - 1, 1)), 1);
  shape[0] = slope->numel();
  call.result(call.add("PRelu", {call.tensor(0), call.builder().constant(slope->reshape(shape))}));
}

std::function<void(const Call&)> along_axis(std::string op) {
  return [op](const Call& call) {
    call.result(call.add(op, {call.tensor(0)}, {{"axis", call.axis(1)}}));
  };
}

}  // namespace

std::span<const Lowering> activation_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::clamp", clamp},
      {"aten::celu",
       [](const Call& call) {
         call.result(
             call.add("Celu", {call.tensor(0)}, {{"alpha", static_cast<float>(call.real(1))}}));
       }},
      {"aten::clamp_max", [](const Call& call) { clamp_between(call, 2, 1); }},
      {"aten::clamp_min", [](const Call& call) { clamp_between(call, 1, 2); }},
      {"aten::elu", elu},
      {"aten::gelu", gelu},
      {"aten::glu", glu},
      {"aten::hardshrink", shrink(false)},
      {"aten::hardsigmoid", hardsigmoid},
      {"aten::hardswish", unary("HardSwish")},
      {"aten::hardtanh", clamp},
      {"aten::leaky_relu", leaky_relu},
      {"aten::log_sigmoid", log_sigmoid},
      {"aten::log_softmax", along_axis("LogSoftmax")},
      {"aten::mish", mish},
      {"aten::prelu", prelu},
      {"aten::relu", unary("Relu")},
      {"aten::relu6", [](const Call& call) { clip(call, 0.0, 6.0); }},
      {"aten::selu", unary("Selu")},
      {"aten::sigmoid", unary("Sigmoid")},
      {"aten::silu", silu},
      {"aten::softmax", along_axis("Softmax")},
      {"aten::softplus", softplus},
      {"aten::softshrink", shrink(true)},
      {"aten::tanh", unary("Tanh")},
  };
  return list;
}

}  // namespace betimes::learn::detail

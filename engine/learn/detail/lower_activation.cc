// Activations. Those without an ONNX operator at the canonical opset are written out in the form
// that exporters use, so that one fusion pattern serves them all.
#include <cmath>
#include <numbers>

#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

std::function<void(const Call&)> plain(std::string op) {
  return [op](const Call& call) { call.result(call.add(op, {call.tensor(0)})); };
}

void clip(const Call& call, std::optional<double> low, std::optional<double> high) {
  call.result(call.add("Clip", {call.tensor(0), low ? call.scalar(*low) : std::string(),
                                high ? call.scalar(*high) : std::string()}));
}

std::optional<double> bound(const Call& call, size_t i) {
  if (call.is_none(i)) return std::nullopt;
  if (!call.is_number(i)) call.refuse("has a bound that is a tensor", "fixed bounds");
  return call.real(i);
}

void clamp(const Call& call) { clip(call, bound(call, 1), bound(call, 2)); }

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

void softplus(const Call& call) {
  if (call.real(1) != 1.0) call.refuse("has a beta that ONNX's Softplus lacks", "beta 1");
  call.result(call.add("Softplus", {call.tensor(0)}));
}

void hardsigmoid(const Call& call) {
  call.result(call.add("HardSigmoid", {call.tensor(0)},
                       {{"alpha", static_cast<float>(1.0 / 6.0)}, {"beta", 0.5f}}));
}

void leaky_relu(const Call& call) {
  call.result(
      call.add("LeakyRelu", {call.tensor(0)}, {{"alpha", static_cast<float>(call.real(1))}}));
}

void elu(const Call& call) {
  if (call.real(2) != 1.0 || call.real(3) != 1.0) call.refuse("scales", "scale 1");
  call.result(call.add("Elu", {call.tensor(0)}, {{"alpha", static_cast<float>(call.real(1))}}));
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
      {"aten::clamp_max", [](const Call& call) { clip(call, std::nullopt, bound(call, 1)); }},
      {"aten::clamp_min", [](const Call& call) { clip(call, bound(call, 1), std::nullopt); }},
      {"aten::elu", elu},
      {"aten::gelu", gelu},
      {"aten::hardsigmoid", hardsigmoid},
      {"aten::hardswish", plain("HardSwish")},
      {"aten::hardtanh", clamp},
      {"aten::leaky_relu", leaky_relu},
      {"aten::log_softmax", along_axis("LogSoftmax")},
      {"aten::mish", mish},
      {"aten::prelu", prelu},
      {"aten::relu", plain("Relu")},
      {"aten::relu6", [](const Call& call) { clip(call, 0.0, 6.0); }},
      {"aten::sigmoid", plain("Sigmoid")},
      {"aten::silu", silu},
      {"aten::softmax", along_axis("Softmax")},
      {"aten::softplus", softplus},
      {"aten::tanh", plain("Tanh")},
  };
  return list;
}

}  // namespace betimes::learn::detail

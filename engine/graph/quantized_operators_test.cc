// QuantizedConv and QuantizedMatMul of domain "betimes", from the formula in graph/quantized.h.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "betimes/graph/quantized.h"
#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;
using Ints = std::vector<int64_t>;

using BetimesOperators = ::testing::Test;

struct Quantized {
  std::string op;
  Tensor x, w, scales;
  Attributes attributes;
  bool bias, residual, residual_u8, writes_u8;
};

/// activation(input_scale * weight_scale[c] * sum((x - input_zero) w) + bias[c] + residual), with
/// the sum from ONNX's operator in double.
Array expected_of(const Quantized& q, const Call& call) {
  const bool conv = q.op == "QuantizedConv";
  const Array whole(q.x);
  const Tensor x =
      Array::made(q.x.shape(), [&](const Index& at) { return whole(at) - 3; }).tensor(DType::f64);
  Attributes attributes = q.attributes;
  const Array sums(run({conv ? "Conv" : "MatMul", {x, q.w.cast(DType::f64)}, attributes})[0]);
  const Array scales(q.scales);
  const Array bias(q.bias ? *call.inputs[3] : Tensor(DType::f32, q.scales.shape()));
  const Array residual(q.residual ? *call.inputs[4] : Tensor(DType::f32, sums.shape()));
  return Array::made(sums.shape(), [&](const Index& at) {
    const Index c = {conv ? at[1] : at.back()};
    double y = 0.5 * scales(c) * sums(at) + bias(c);
    y += q.residual_u8 && q.residual ? (residual(at) - 7) * 0.25 : residual(at);
    y = std::fmax(y, 0);  // relu
    if (!q.writes_u8) return y;
    return std::clamp(std::nearbyint(y / 2) + 9, 0.0, 255.0);
  });
}

void expect_quantized(const Quantized& q, const Shape& shape) {
  Random random(130);
  Call call{q.op, {q.x, q.w, q.scales, std::nullopt, std::nullopt}, q.attributes, 1, "betimes"};
  // Halves and quarters: everything is exact, and rounds the same way in float and double.
  const auto exact = [&](const Shape& of) {
    const Array whole(random_tensor(random, DType::i32, of, -40, 40));
    return Array::made(of, [&](const Index& at) { return whole(at) / 4; }).tensor(DType::f32);
  };
  if (q.bias) call.inputs[3] = exact(q.scales.shape());
  if (q.residual) {
    call.inputs[4] = q.residual_u8 ? random_tensor(random, DType::u8, shape, 0, 255) : exact(shape);
  }
  call.attributes.insert({{"input_scale", 0.5f},
                          {"input_zero", int64_t{3}},
                          {"residual_scale", 0.25f},
                          {"residual_zero", int64_t{7}},
                          {"activation", std::string("relu")}});
  if (q.writes_u8) call.attributes.insert({{"output_scale", 2.0f}, {"output_zero", int64_t{9}}});
  SCOPED_TRACE(call.describe());
  expect_close(run(call)[0], q.writes_u8 ? DType::u8 : DType::f32, expected_of(q, call), 5);
}

void expect_all(const std::string& op, const Shape& x, const Shape& w, int64_t channels,
                const Shape& y, const Attributes& attributes) {
  Random random(131);
  for (const DType dtype : {DType::u8, DType::i8}) {
    Tensor scales(DType::f32, {channels});
    for (float& scale : scales.mutable_data<float>()) {
      scale = std::ldexp(1.0f, static_cast<int>(between(random, -4, 0)));
    }
    for (int bits = 0; bits < 16; ++bits) {
      expect_quantized(
          {op, random_tensor(random, dtype, x, -9, 9), random_tensor(random, DType::i8, w, -9, 9),
           scales, attributes, bool(bits & 1), bool(bits & 2), bool(bits & 4), bool(bits & 8)},
          y);
    }
  }
}

TEST(BetimesOperators, QuantizedConv_ComputesItsFormula) {
  expect_all("QuantizedConv", {2, 4, 5}, {6, 2, 3}, 6, {2, 6, 2},
             {{"group", int64_t{2}}, {"strides", Ints{2}}});
  expect_all("QuantizedConv", {1, 3, 4, 4}, {2, 3, 3, 3}, 2, {1, 2, 2, 2}, {});
}

TEST(BetimesOperators, QuantizedConv_PadsWithZerosOfTheRealScale) {
  // A padded place counts as 0, which in the bytes is the zero point.
  const Tensor x = Tensor::from<uint8_t>({1, 1, 1}, std::vector<uint8_t>{5});
  const Tensor w = Tensor::from<int8_t>({1, 1, 3}, std::vector<int8_t>{1, 2, 4});
  const Call call{"QuantizedConv",
                  {x, w, Tensor::from<float>({1}, {1})},
                  {{"pads", Ints{1, 1}}, {"input_zero", int64_t{3}}},
                  1,
                  "betimes"};
  EXPECT_EQ(Array(run(call)[0]).values(), std::vector<double>{4});
}

TEST(BetimesOperators, QuantizedMatMul_ComputesItsFormula) {
  expect_all("QuantizedMatMul", {2, 3, 5}, {5, 4}, 4, {2, 3, 4}, {});
  expect_all("QuantizedMatMul", {1, 7}, {7, 1}, 1, {1, 1}, {});
}

struct Wrong {
  size_t input;
  Tensor instead;
  std::string reason;
};

TEST(BetimesOperators, QuantizedConv_AndMatMulRefuseWhatDoesNotFit) {
  const Call conv{"QuantizedConv",
                  {Tensor(DType::u8, {1, 2, 4}), Tensor(DType::i8, {3, 2, 2}),
                   Tensor(DType::f32, {3}), Tensor(DType::f32, {3}), Tensor(DType::u8, {1, 3, 3})},
                  {},
                  1,
                  "betimes"};
  const Call product{"QuantizedMatMul",
                     {Tensor(DType::u8, {2, 4}), Tensor(DType::i8, {4, 3}), Tensor(DType::f32, {3}),
                      Tensor(DType::f32, {3}), Tensor(DType::u8, {2, 3})},
                     {},
                     1,
                     "betimes"};
  for (const Call& right : {conv, product}) {
    EXPECT_NO_THROW(run(right));
    // Of other types, inputs would be read beyond their end.
    const std::vector<Wrong> wrong = {{0, right.inputs[0]->cast(DType::f32), "float32"},
                                      {1, right.inputs[1]->cast(DType::u8), "weights uint8"},
                                      {2, Tensor(DType::f32, {2}), "one for each of 3"},
                                      {2, Tensor(DType::f32, {}), "one for each of 3"},
                                      {2, Tensor(DType::i8, {3}), "weight scales int8"},
                                      {3, Tensor(DType::i8, {3}), "bias"},
                                      {3, Tensor(DType::f32, {2}), ""},
                                      {4, right.inputs[4]->cast(DType::i8), "residual"},
                                      {4, right.inputs[4]->cast(DType::f64), "residual"},
                                      {4, Tensor(DType::f32, {1, 3}), "adds"}};
    for (const Wrong& each : wrong) {
      Call call = right;
      call.inputs[each.input] = each.instead;
      expect_refused(call, each.reason);
    }
    Call odd = right;
    odd.attributes["activation"] = std::string("selu");
    expect_refused(odd, "selu");
  }
}

TEST(BetimesOperators, QuantizedMatMul_NeedsColumns) {
  // A column on the right has no columns to scale.
  const Tensor line(DType::u8, {4});
  expect_refused(
      {"QuantizedMatMul", {line, line.cast(DType::i8), Tensor(DType::f32, {4})}, {}, 1, "betimes"},
      "weights");
}

}  // namespace
}  // namespace betimes::graph

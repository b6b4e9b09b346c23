// The operators of domain "betimes". What they fuse is ONNX's operator, which other tests compare
// with its specification; here it runs in double, and what is fused to it is written out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "betimes/graph/activation.h"
#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;
using Ints = std::vector<int64_t>;

using BetimesOperators = ::testing::Test;

struct Function {
  std::string name;
  float alpha, beta;
  std::function<double(double)> f;

  Attributes attributes() const { return {{"activation", name}, {"alpha", alpha}, {"beta", beta}}; }
};

double limited(double x, double low, double high) { return std::fmin(std::fmax(x, low), high); }

const std::vector<Function> functions = {
    {"none", 0, 0, [](double x) { return x; }},
    {"relu", 0, 0, [](double x) { return std::fmax(x, 0); }},
    {"leaky_relu", 0.25f, 0, [](double x) { return x < 0 ? 0.25 * x : x; }},
    {"clip", -0.5f, 1.5f, [](double x) { return limited(x, -0.5, 1.5); }},
    {"sigmoid", 0, 0, [](double x) { return 1 / (1 + std::exp(-x)); }},
    {"hard_sigmoid", 0.25f, 0.5f, [](double x) { return limited(x / 4 + 0.5, 0, 1); }},
    {"hard_swish", 0, 0, [](double x) { return x * limited(x / 6 + 0.5, 0, 1); }},
    {"swish", 0, 0, [](double x) { return x / (1 + std::exp(-x)); }},
    {"tanh", 0, 0, [](double x) { return std::tanh(x); }},
    {"elu", 0.5f, 0, [](double x) { return x < 0 ? 0.5 * (std::exp(x) - 1) : x; }},
    {"gelu", 0, 0, [](double x) { return x * std::erfc(-x / std::sqrt(2.0)) / 2; }},
    {"gelu_tanh", 0, 0,
     [](double x) {
       const double u = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
       return x / (1 + std::exp(-2 * u));
     }},
    {"exponential", 0, 0, [](double x) { return std::exp(x); }},
    {"square_root", 0, 0, [](double x) { return std::sqrt(x); }},
    {"absolute", 0, 0, [](double x) { return std::fabs(x); }},
    {"negative", 0, 0, [](double x) { return -x; }},
    {"reciprocal", 0, 0, [](double x) { return 1 / x; }}};

TEST(BetimesOperators, Activation_AppliesEachFunction) {
  Random random(120);
  for (const Function& function : functions) {
    for (const Shape& shape : ugly_shapes(random)) {
      const Tensor x = random_tensor(random, DType::f32, shape);
      const Array values(x);
      const Call call{"Activation", {x}, function.attributes(), 1, "betimes"};
      SCOPED_TRACE(call.describe() + " " + function.name);
      expect_close(run(call)[0], DType::f32,
                   Array::made(shape, [&](const Index& at) { return function.f(values(at)); }), 2);
    }
  }
  const Tensor x(DType::f32, {2});
  expect_close(run({"Activation", {x}, {}, 1, "betimes"})[0], DType::f32, Array({2}));
  expect_refused({"Activation", {x}, {{"activation", std::string("selu")}}, 1, "betimes"}, "selu");
  expect_refused({"Activation", {Tensor(DType::f64, {2})}, {}, 1, "betimes"}, "float64");
}

TEST(BetimesOperators, Activation_TestsKnowEachKind) {
  std::set<std::string> tested;
  for (const Function& function : functions) tested.insert(function.name);
  for (int kind = 0; kind <= static_cast<int>(Activation::Kind::reciprocal); ++kind) {
    EXPECT_TRUE(tested.contains(std::string(name(static_cast<Activation::Kind>(kind)))));
  }
  EXPECT_EQ(tested.size(), static_cast<size_t>(Activation::Kind::reciprocal) + 1);
}

/// The ONNX operator in double, over the first inputs; nullopt inputs at the end are dropped.
Array inner(const std::string& op, std::vector<std::optional<Tensor>> inputs,
            const Attributes& attributes) {
  for (auto& input : inputs) {
    if (input) input = input->cast(DType::f64);
  }
  return Array(run({op, std::move(inputs), attributes})[0]);
}

void expect_fused(const std::string& op, const Tensor& x, const Tensor& w, const Shape& bias_shape,
                  const Attributes& attributes) {
  Random random(121);
  const Tensor bias = random_tensor(random, DType::f32, bias_shape);
  const Shape shape = inner(op, {x, w}, attributes).shape();
  const Tensor residual = random_tensor(random, DType::f32, shape);
  for (const Function& function : functions) {
    // Near a pole, and where NaN begins, no tolerance of sums holds.
    if (function.name == "square_root" || function.name == "reciprocal") continue;
    for (int bits = 0; bits < 4; ++bits) {
      Call call{op, {x, w}, attributes, 1, "betimes"};
      call.attributes.merge(function.attributes());
      call.inputs.push_back(bits & 1 ? std::optional(bias) : std::nullopt);
      call.inputs.push_back(bits & 2 ? std::optional(residual) : std::nullopt);
      const Array first = inner(op, {x, w}, attributes);
      const Array shift(bias);
      const Array added(residual);
      const size_t axis = op == "MatMul" ? shape.size() - 1 : 1;
      const Array expected = Array::made(shape, [&](const Index& at) {
        double y = first(at);
        if (bits & 1) y += shift({at[axis]});
        if (bits & 2) y += added(at);
        return function.f(y);
      });
      SCOPED_TRACE(call.describe() + " " + function.name);
      expect_close(run(call)[0], DType::f32, expected, 5);
    }
  }
}

TEST(BetimesOperators, Conv_AddsBiasAndResidualThenActivates) {
  Random random(122);
  expect_fused("Conv", random_tensor(random, DType::f32, {2, 4, 5, 7}),
               random_tensor(random, DType::f32, {6, 2, 3, 2}, -1, 1), {6},
               {{"group", int64_t{2}}, {"pads", Ints{1, 0, 1, 1}}, {"strides", Ints{2, 1}}});
  expect_fused("Conv", Tensor(DType::f32, {0, 2, 5}), Tensor(DType::f32, {3, 2, 1}), {3}, {});
}

TEST(BetimesOperators, ConvTranspose_AddsBiasAndResidualThenActivates) {
  Random random(123);
  expect_fused("ConvTranspose", random_tensor(random, DType::f32, {1, 4, 3, 2}),
               random_tensor(random, DType::f32, {4, 3, 3, 2}, -1, 1), {6},
               {{"group", int64_t{2}}, {"output_padding", Ints{1, 0}}, {"strides", Ints{2, 1}}});
}

TEST(BetimesOperators, MatMul_AddsBiasAndResidualThenActivates) {
  Random random(124);
  expect_fused("MatMul", random_tensor(random, DType::f32, {2, 1, 3, 5}),
               random_tensor(random, DType::f32, {3, 5, 7}, -1, 1), {7}, {});
  expect_fused("MatMul", Tensor(DType::f32, {2, 3}), Tensor(DType::f32, {3, 0}), {0}, {});
}

TEST(BetimesOperators, Conv_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {1, 2, 5});
  const Tensor w(DType::f32, {3, 2, 2});
  const auto made = [](const std::string& op, std::vector<std::optional<Tensor>> inputs) {
    return Call{op, std::move(inputs), {}, 1, "betimes"};
  };
  const Tensor z(DType::f32, {1, 3, 4});
  EXPECT_NO_THROW(run(made("Conv", {x, w, std::nullopt, z})));
  expect_refused(made("Conv", {x, w, std::nullopt, Tensor(DType::f32, {1, 3, 1})}), "adds");
  expect_refused(made("Conv", {x, w, std::nullopt, Tensor(DType::u8, {1, 3, 4})}), "adds");
  expect_refused(made("Conv", {x, w, Tensor(DType::f32, {2})}), "input 2 is");
  const auto wide = [](const Shape& shape) { return Tensor(DType::f64, shape); };
  expect_refused(made("Conv", {wide({1, 2, 5}), wide({3, 2, 2})}), "float32");
  Call odd = made("Conv", {x, w});
  odd.attributes["activation"] = std::string("selu");
  expect_refused(odd, "selu");
}

TEST(BetimesOperators, MatMul_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {2, 3});
  const Tensor w(DType::f32, {3, 4});
  const auto made = [](std::vector<std::optional<Tensor>> inputs) {
    return Call{"MatMul", std::move(inputs), {}, 1, "betimes"};
  };
  expect_refused(made({x, w, Tensor(DType::f32, {3})}), "bias");
  // As float32, these would be read beyond their end.
  expect_refused(made({x, w, Tensor(DType::i8, {4})}), "bias");
  expect_refused(made({x, w, std::nullopt, Tensor(DType::i8, {2, 4})}), "adds");
  // A product without axes has no columns.
  const Tensor line(DType::f32, {3});
  EXPECT_EQ(run(made({line, line}))[0].shape(), Shape{});
  expect_refused(made({line, line, Tensor(DType::f32, {1})}), "bias");
  expect_refused(made({line, line, Tensor(DType::f32, {0})}), "bias");
}

}  // namespace
}  // namespace betimes::graph

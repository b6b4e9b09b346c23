// Operators that map elements one by one: functions of a number and activations.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;
using Function = std::function<double(double)>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Numbers at which functions bend, break or round. Whatever an operator has to say about them
/// follows from its formula in the specification.
const std::vector<double> special = {0,  -0.0, 0.5, 1.5,       2.5,  -0.5, -2.5,    1,
                                     -1, 1e-3, 60,  -infinity, -60., nan,  infinity};

struct Mapping {
  std::string name;  // the operator's, with a suffix where it has several cases
  Function f;
  Attributes attributes = {};
  double low = -4;
  double high = 4;

  std::string op() const { return name.substr(0, name.find('_')); }
};

double leaky(double x, double alpha) { return x < 0 ? alpha * x : x; }
double elu(double x, double alpha) { return x < 0 ? alpha * (std::exp(x) - 1) : x; }
double selu(double x, double alpha, double gamma) {
  return x > 0 ? gamma * x : gamma * (alpha * std::exp(x) - alpha);
}
/// max(0, x) + min(0, alpha (exp(x / alpha) - 1)), NaN kept.
double celu(double x, double alpha) {
  if (std::isnan(x)) return x;
  return std::fmax(0, x) + std::fmin(0, alpha * (std::exp(x / alpha) - 1));
}
double bounded(double x, double low, double high) {
  return std::isnan(x) ? x : std::fmax(low, std::fmin(high, x));
}
double shrink(double x, double bias, double lambd) {
  if (x < -lambd) return x + bias;
  return x > lambd ? x - bias : 0;
}
double softplus(double x) { return x > 30 ? x : std::log(std::exp(x) + 1); }
double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
double round_to_even(double x) {
  const double below = std::floor(x);
  const double rest = x - below;
  if (rest < 0.5 || !std::isfinite(x)) return below;
  return rest > 0.5 || std::fmod(below, 2) != 0 ? below + 1 : below;
}

std::vector<Mapping> plain_functions() {
  const auto of = [](double (*f)(double)) { return Function(f); };
  return {{"Abs", of(std::fabs)},
          {"Neg", [](double x) { return -x; }},
          {"Sign", sign},
          {"Reciprocal", [](double x) { return 1 / x; }},
          {"Floor", of(std::floor)},
          {"Ceil", of(std::ceil)},
          {"Round", round_to_even},
          {"Exp", of(std::exp)},
          {"Log", of(std::log), {}, 0.1, 9},
          {"Sqrt", of(std::sqrt), {}, 0, 9},
          {"Erf", of(std::erf)},
          {"Sin", of(std::sin)},
          {"Cos", of(std::cos)},
          {"Tan", of(std::tan), {}, -1.4, 1.4},
          {"Asin", of(std::asin), {}, -1, 1},
          {"Acos", of(std::acos), {}, -1, 1},
          {"Atan", of(std::atan)},
          {"Sinh", of(std::sinh)},
          {"Cosh", of(std::cosh)},
          {"Tanh", of(std::tanh)},
          {"Asinh", of(std::asinh)},
          {"Acosh", of(std::acosh), {}, 1, 9},
          {"Atanh", of(std::atanh), {}, -0.9, 0.9},
          {"Relu", [](double x) { return x < 0 ? 0 : x; }},
          {"Sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
          {"Softplus", softplus},
          {"Softsign", [](double x) { return x / (1 + std::fabs(x)); }},
          {"HardSwish", [](double x) { return x * bounded(x / 6 + 0.5, 0, 1); }, {}, -5, 5},
          {"Identity", [](double x) { return x; }}};
}

std::vector<Mapping> activations() {
  constexpr double selu_alpha = 1.67326319217681884765625;
  constexpr double selu_gamma = 1.05070102214813232421875;
  return {{"LeakyRelu", [](double x) { return leaky(x, double{0.01f}); }},
          {"LeakyRelu_alpha", [](double x) { return leaky(x, 1.5); }, {{"alpha", 1.5f}}},
          {"Elu", [](double x) { return elu(x, 1); }},
          {"Elu_alpha", [](double x) { return elu(x, 0.25); }, {{"alpha", 0.25f}}},
          {"Selu", [](double x) { return selu(x, selu_alpha, selu_gamma); }},
          {"Selu_both", [](double x) { return selu(x, 2, 3); }, {{"alpha", 2.0f}, {"gamma", 3.0f}}},
          {"Celu", [](double x) { return celu(x, 1); }},
          {"Celu_alpha", [](double x) { return celu(x, 2); }, {{"alpha", 2.0f}}},
          {"ThresholdedRelu", [](double x) { return x > 1 ? x : 0; }},
          {"ThresholdedRelu_alpha", [](double x) { return x > -2 ? x : 0; }, {{"alpha", -2.0f}}},
          {"HardSigmoid", [](double x) { return bounded(double{0.2f} * x + 0.5, 0, 1); }},
          {"HardSigmoid_both",
           [](double x) { return bounded(0.5 * x - 0.25, 0, 1); },
           {{"alpha", 0.5f}, {"beta", -0.25f}}},
          {"Shrink", [](double x) { return shrink(x, 0, 0.5); }},
          {"Shrink_both",
           [](double x) { return shrink(x, 0.75, 1.5); },
           {{"bias", 0.75f}, {"lambd", 1.5f}}}};
}

std::vector<Mapping> mappings() {
  std::vector<Mapping> all = plain_functions();
  for (Mapping& each : activations()) all.push_back(std::move(each));
  return all;
}

class UnaryOperators : public ::testing::TestWithParam<Mapping> {
 protected:
  static void expect_mapped(DType dtype, const Tensor& x) {
    const Mapping& mapping = GetParam();
    const Call call{mapping.op(), {x}, mapping.attributes};
    SCOPED_TRACE(call.describe());
    const Array values(x);
    const Array expected =
        Array::made(x.shape(), [&](const Index& at) { return mapping.f(values(at)); });
    expect_close(run(call)[0], dtype, expected);
  }
};

TEST_P(UnaryOperators, ComputesWhatOnnxSays) {
  Random random(1);
  for (const DType dtype : types_of(GetParam().op())) {
    for (const Shape& shape : ugly_shapes(random)) {
      expect_mapped(dtype, random_tensor(random, dtype, shape, GetParam().low, GetParam().high));
    }
    if (!is_floating(dtype)) continue;
    const auto count = static_cast<int64_t>(special.size());
    expect_mapped(dtype, Tensor::from<double>({count}, special).cast(dtype));
  }
}

TEST_P(UnaryOperators, RefusesOtherTypesAndInputs) {
  const std::string op = GetParam().op();
  const std::vector<DType> types = types_of(op);
  for (const DType dtype : types_of("Identity")) {
    if (std::find(types.begin(), types.end(), dtype) == types.end()) {
      expect_refused({op, {Tensor(dtype, {2})}}, std::string("input 0 is ").append(name(dtype)));
    }
  }
  const Tensor x(types[0], {2});
  expect_refused({op, {x, x}}, "has 2 inputs");
  expect_refused({op, {}}, "has 0 inputs");
  expect_refused({op, {std::nullopt}}, "is absent");
  expect_refused({op, {x}, {{"no_such", int64_t{1}}}}, "no_such");
  for (const auto& [key, value] : GetParam().attributes) {
    expect_refused({op, {x}, {{key, int64_t{1}}}}, key);
  }
}

INSTANTIATE_TEST_SUITE_P(All, UnaryOperators, ::testing::ValuesIn(mappings()),
                         [](const auto& mapping) { return mapping.param.name; });

using ElementOperators = ::testing::Test;

template <class T>
void expect_integer(const std::string& op, T x, T expected) {
  SCOPED_TRACE(op + " of " + std::to_string(x));
  const Tensor y = run({op, {Tensor::scalar(x)}})[0];
  EXPECT_EQ(y.data<T>()[0], expected);
}

TEST(ElementOperators, Abs_OfTheSmallestIntegerWrapsAround) {
  expect_integer<int8_t>("Abs", -128, -128);
  expect_integer<int16_t>("Abs", -32768, -32768);
  constexpr int32_t low32 = std::numeric_limits<int32_t>::min();
  constexpr int64_t low64 = std::numeric_limits<int64_t>::min();
  expect_integer("Abs", low32, low32);
  expect_integer("Abs", low64, low64);
  expect_integer<uint64_t>("Abs", ~uint64_t{0}, ~uint64_t{0});
  expect_integer<int64_t>("Abs", -9007199254740993, 9007199254740993);
}

TEST(ElementOperators, Neg_OfTheSmallestIntegerWrapsAround) {
  expect_integer<int8_t>("Neg", -128, -128);
  constexpr int64_t low64 = std::numeric_limits<int64_t>::min();
  expect_integer("Neg", low64, low64);
  expect_integer("Neg", low64 + 1, std::numeric_limits<int64_t>::max());
}

TEST(ElementOperators, Relu_KeepsLargeIntegers) {
  expect_integer<int64_t>("Relu", 9007199254740993, 9007199254740993);
  expect_integer<int64_t>("Relu", std::numeric_limits<int64_t>::min(), 0);
}

TEST(ElementOperators, Not_FlipsBooleans) {
  Random random(2);
  for (const Shape& shape : ugly_shapes(random)) {
    const Tensor x = random_tensor(random, DType::boolean, shape);
    const Array values(x);
    expect_close(run({"Not", {x}})[0], DType::boolean,
                 Array::made(shape, [&](const Index& at) { return 1 - values(at); }));
  }
  expect_refused({"Not", {Tensor(DType::u8, {1})}}, "uint8");
}

TEST(ElementOperators, IsNaN_FindsNaN) {
  for (const DType dtype : types_of("IsNaN")) {
    const Tensor x = Tensor::from<double>({2, 2}, {nan, infinity, 0, -1}).cast(dtype);
    EXPECT_EQ(Array(run({"IsNaN", {x}})[0]).values(), (std::vector<double>{1, 0, 0, 0}));
  }
  EXPECT_EQ(run({"IsNaN", {Tensor(DType::f16, {2, 0})}})[0].shape(), (Shape{2, 0}));
}

TEST(ElementOperators, IsInf_FindsTheInfinitiesAskedFor) {
  for (const DType dtype : types_of("IsInf")) {
    const Tensor x = Tensor::from<double>({4}, {-infinity, infinity, nan, 5}).cast(dtype);
    for (const int64_t low : {0, 1}) {
      for (const int64_t high : {0, 1}) {
        const Call call{"IsInf", {x}, {{"detect_negative", low}, {"detect_positive", high}}};
        EXPECT_EQ(Array(run(call)[0]).values(),
                  (std::vector<double>{static_cast<double>(low), static_cast<double>(high), 0, 0}));
      }
    }
    EXPECT_EQ(Array(run({"IsInf", {x}})[0]).values(), (std::vector<double>{1, 1, 0, 0}));
  }
  expect_refused({"IsInf", {Tensor(DType::f32, {1})}, {{"detect_negative", int64_t{2}}}}, "is 2");
}

}  // namespace
}  // namespace betimes::graph

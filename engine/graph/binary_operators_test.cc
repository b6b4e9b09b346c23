// Operators of several inputs that broadcast: arithmetic, comparisons, logic, Where, Clip, PRelu.
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
using Fold = std::function<double(const std::vector<double>&)>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// numpy's rule from the back: extents are equal, or one of them is 1.
Shape broadcast_of(const std::vector<Shape>& shapes) {
  Shape result;
  for (size_t back = 1;; ++back) {
    int64_t extent = -1;
    for (const Shape& shape : shapes) {
      if (back > shape.size()) continue;
      const int64_t own = shape[shape.size() - back];
      if (extent == -1 || extent == 1) extent = own;
    }
    if (extent == -1) return result;
    result.insert(result.begin(), extent);
  }
}

Array folded(const std::vector<Tensor>& inputs, const Fold& f) {
  std::vector<Array> arrays;
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs) {
    arrays.emplace_back(input);
    shapes.push_back(input.shape());
  }
  return Array::made(broadcast_of(shapes), [&](const Index& at) {
    std::vector<double> values;
    for (const Array& array : arrays) values.push_back(array.broadcast(at));
    return f(values);
  });
}

Call call_of(const std::string& op, const std::vector<Tensor>& inputs, Attributes attributes = {}) {
  return {op, {inputs.begin(), inputs.end()}, std::move(attributes)};
}

struct Folding {
  std::string name;
  Fold f;
  bool test = false;  // gives booleans
  bool variadic = false;
  Attributes attributes = {};
  double low = -4;  // of the second input: divisors are above 0
  double slack = 2;
  double first = -4;  // the least of the first input

  std::string op() const { return name.substr(0, name.find('_')); }
};

Fold two(double (*f)(double, double)) {
  return [f](const std::vector<double>& v) { return f(v[0], v[1]); };
}

double sum(const std::vector<double>& v) {
  double total = 0;
  for (const double x : v) total += x;
  return total;
}
double largest(const std::vector<double>& v) {
  double best = v[0];
  for (const double x : v) best = std::isnan(best) || best > x ? best : x;
  return best;
}
double smallest(const std::vector<double>& v) {
  double best = v[0];
  for (const double x : v) best = std::isnan(best) || best < x ? best : x;
  return best;
}

std::vector<Folding> foldings() {
  return {
      {"Add", two([](double a, double b) { return a + b; })},
      // From 4 on, so that unsigned differences aren't below 0.
      {"Sub", two([](double a, double b) { return a - b; }), false, false, {}, -4, 2, 4},
      {"Mul", two([](double a, double b) { return a * b; })},
      {"Less", two([](double a, double b) -> double { return a < b; }), true},
      {"LessOrEqual", two([](double a, double b) -> double { return a <= b; }), true},
      {"Greater", two([](double a, double b) -> double { return a > b; }), true},
      {"GreaterOrEqual", two([](double a, double b) -> double { return a >= b; }), true},
      {"Equal", two([](double a, double b) -> double { return a == b; }), true},
      {"And", two([](double a, double b) -> double { return a != 0 && b != 0; }), true},
      {"Or", two([](double a, double b) -> double { return a != 0 || b != 0; }), true},
      {"Xor", two([](double a, double b) -> double { return a != b; }), true},
      {"Mod_fmod",
       two([](double a, double b) { return std::fmod(a, b); }),
       false,
       false,
       {{"fmod", int64_t{1}}},
       1},
      {"Sum", sum, false, true},
      {"Mean", [](const auto& v) { return sum(v) / static_cast<double>(v.size()); }, false, true},
      {"Max", largest, false, true},
      {"Min", smallest, false, true},
  };
}

class BroadcastOperators : public ::testing::TestWithParam<Folding> {
 protected:
  static void expect_folded(DType dtype, const std::vector<Tensor>& inputs) {
    const Folding& folding = GetParam();
    const Call call = call_of(folding.op(), inputs, folding.attributes);
    SCOPED_TRACE(call.describe());
    expect_close(run(call)[0], folding.test ? DType::boolean : dtype, folded(inputs, folding.f),
                 folding.slack * static_cast<double>(inputs.size()));
  }
};

TEST_P(BroadcastOperators, ComputesWhatOnnxSays) {
  Random random(3);
  for (const DType dtype : types_of(GetParam().op())) {
    for (const Shape& shape : ugly_shapes(random)) {
      const size_t count = GetParam().variadic ? 1 + random.below(4) : 2;
      std::vector<Tensor> inputs;
      for (size_t i = 0; i < count; ++i) {
        const double low = i == 0 ? GetParam().first : i == 1 ? GetParam().low : -4;
        const Shape own = broadcastable(random, shape);
        inputs.push_back(random_tensor(random, dtype, own, low, i == 0 ? low + 8 : 4));
      }
      expect_folded(dtype, inputs);
    }
  }
}

TEST_P(BroadcastOperators, KeepsNanAndInfinities) {
  const std::vector<double> values = {nan, infinity, -infinity, 0, 2};
  for (const DType dtype : types_of(GetParam().op())) {
    if (!is_floating(dtype)) continue;
    const Tensor row = Tensor::from<double>({5}, values).cast(dtype);
    expect_folded(dtype, {row, row.reshaped({5, 1})});
    expect_folded(dtype, {row.reshaped({5, 1}), row});
  }
}

TEST_P(BroadcastOperators, RefusesOtherTypesAndShapes) {
  const std::string op = GetParam().op();
  const Attributes& attributes = GetParam().attributes;
  const std::vector<DType> types = types_of(op);
  const Tensor x(types[0], {2, 3});
  const DType other = types[0] == DType::i32 ? DType::i64 : DType::i32;
  expect_refused(call_of(op, {x, Tensor(other, {2, 3})}, attributes), "input 1 is");
  expect_refused(call_of(op, {x, Tensor(types[0], {2, 4})}, attributes), "broadcasts with");
  expect_refused(call_of(op, {x, Tensor(types[0], {0, 3})}, attributes), "broadcasts with");
  expect_refused(call_of(op, {}, attributes), "has 0 inputs");
  if (types[0] != DType::boolean && op != "Equal") {
    const Tensor flags(DType::boolean, {2});
    expect_refused(call_of(op, {flags, flags}, attributes), "input 0 is bool");
  }
}

INSTANTIATE_TEST_SUITE_P(All, BroadcastOperators, ::testing::ValuesIn(foldings()),
                         [](const auto& folding) { return folding.param.name; });

using ArithmeticOperators = ::testing::Test;

template <class T>
void expect_result(const std::string& op, T a, T b, T expected, const Attributes& attributes = {}) {
  SCOPED_TRACE(op + " of " + std::to_string(a) + " and " + std::to_string(b));
  const Tensor y = run(call_of(op, {Tensor::scalar(a), Tensor::scalar(b)}, attributes))[0];
  EXPECT_EQ(y.data<T>()[0], expected);
}

TEST(ArithmeticOperators, Add_WrapsAround) {
  expect_result<int8_t>("Add", 127, 1, -128);
  expect_result<uint8_t>("Add", 255, 2, 1);
  expect_result<int32_t>("Add", std::numeric_limits<int32_t>::max(), 1,
                         std::numeric_limits<int32_t>::min());
  expect_result<int64_t>("Add", 9007199254740992, 1, 9007199254740993);
  expect_result<int64_t>("Sub", std::numeric_limits<int64_t>::min(), 1,
                         std::numeric_limits<int64_t>::max());
  expect_result<uint32_t>("Sub", 0, 1, std::numeric_limits<uint32_t>::max());
  // As int, which 16 bits are promoted to, this product would overflow.
  expect_result<uint16_t>("Mul", 65535, 65535, 1);
  expect_result<int16_t>("Mul", -32768, -32768, 0);
  expect_result<uint64_t>("Mul", ~uint64_t{0}, ~uint64_t{0}, 1);
}

TEST(ArithmeticOperators, Div_DividesFloats) {
  Random random(4);
  for (const DType dtype : types_of("Div")) {
    for (const Shape& shape : ugly_shapes(random)) {
      // Integers divide towards zero, as every runtime has it; ONNX doesn't say.
      const std::vector<Tensor> inputs = {
          random_tensor(random, dtype, broadcastable(random, shape), -90, 90),
          random_tensor(random, dtype, broadcastable(random, shape), 1, 9)};
      const bool whole = !is_floating(dtype);
      const Array expected = folded(inputs, [whole](const std::vector<double>& v) {
        return whole ? std::trunc(v[0] / v[1]) : v[0] / v[1];
      });
      expect_close(run(call_of("Div", inputs))[0], dtype, expected, 2);
    }
  }
}

TEST(ArithmeticOperators, Div_OfIntegers) {
  expect_result<int32_t>("Div", -7, 2, -3);
  expect_result<int32_t>("Div", 7, -2, -3);
  expect_result<int8_t>("Div", -128, -1, -128);
  expect_result<int64_t>("Div", std::numeric_limits<int64_t>::min(), -1,
                         std::numeric_limits<int64_t>::min());
  expect_result<uint64_t>("Div", ~uint64_t{0}, 2, ~uint64_t{0} >> 1);
  const Tensor zero = Tensor::scalar(int32_t{0});
  EXPECT_THROW(run(call_of("Div", {zero, zero})), Error);
  EXPECT_EQ(Array(run(call_of("Div", {Tensor::scalar(1.0f), Tensor::scalar(-0.0f)}))[0]).values(),
            std::vector<double>{-infinity});
}

TEST(ArithmeticOperators, Mod_HasTheSignOfTheDivisor) {
  Random random(5);
  for (const DType dtype : types_of("Mod")) {
    if (is_floating(dtype)) continue;
    for (const double sign : {-1, 1}) {
      if (sign < 0 && name(dtype).starts_with("u")) continue;
      const std::vector<Tensor> inputs = {
          random_tensor(random, dtype, {7, 5}, -50, 50),
          random_tensor(random, dtype, {5}, sign < 0 ? -9 : 1, sign < 0 ? -1 : 9)};
      const Array expected = folded(inputs, [](const std::vector<double>& v) {
        return v[0] - v[1] * std::floor(v[0] / v[1]);
      });
      expect_close(run(call_of("Mod", inputs))[0], dtype, expected);
    }
  }
  expect_result<int64_t>("Mod", std::numeric_limits<int64_t>::min(), -1, 0);
  expect_result<int64_t>("Mod", std::numeric_limits<int64_t>::min(), -1, 0, {{"fmod", int64_t{1}}});
  expect_result<int32_t>("Mod", -7, 3, -1, {{"fmod", int64_t{1}}});
  const Tensor zero = Tensor::scalar(int8_t{0});
  EXPECT_THROW(run(call_of("Mod", {zero, zero})), Error);
  const Tensor real = Tensor::scalar(1.0f);
  expect_refused(call_of("Mod", {real, real}), "fmod");
  expect_refused(call_of("Mod", {zero, zero}, {{"fmod", int64_t{2}}}), "'fmod' is 2");
}

TEST(ArithmeticOperators, Pow_TakesExponentsOfAnyType) {
  Random random(6);
  for (const DType dtype : types_of("Pow")) {
    for (const DType exponents : types_of("Add")) {
      const std::vector<Tensor> inputs = {random_tensor(random, dtype, {3, 1, 5}, 0.5, 4),
                                          random_tensor(random, exponents, {7, 1}, 0, 3)};
      const Call call = call_of("Pow", inputs);
      SCOPED_TRACE(call.describe());
      const bool whole = !is_floating(dtype);
      const Array expected = folded(inputs, [whole](const std::vector<double>& v) {
        const double y = std::pow(v[0], v[1]);
        return whole ? std::trunc(y) : y;
      });
      expect_close(run(call)[0], dtype, expected, 2);
    }
  }
  expect_refused(call_of("Pow", {Tensor(DType::u8, {1}), Tensor(DType::u8, {1})}), "input 0");
  expect_refused(call_of("Pow", {Tensor(DType::f32, {1}), Tensor(DType::boolean, {1})}), "input 1");
}

TEST(ArithmeticOperators, Pow_OfIntegersIsExact) {
  expect_result<int64_t>("Pow", 3, 39, 4052555153018976267);
  expect_result<int64_t>("Pow", -3, 39, -4052555153018976267);
  expect_result<int32_t>("Pow", 2, 32, 0);  // wraps around
  expect_result<int32_t>("Pow", 2, -1, 0);
  expect_result<int32_t>("Pow", -1, -3, -1);
  expect_result<int64_t>("Pow", 0, 0, 1);
}

TEST(ArithmeticOperators, Max_OfLargeIntegersIsExact) {
  expect_result<int64_t>("Max", 9007199254740993, 9007199254740992, 9007199254740993);
  expect_result<uint64_t>("Min", ~uint64_t{0}, ~uint64_t{0} - 1, ~uint64_t{0} - 1);
  EXPECT_FALSE(run(call_of("Equal", {Tensor::scalar(int64_t{9007199254740993}),
                                     Tensor::scalar(int64_t{9007199254740992})}))[0]
                   .data<bool>()[0]);
}

TEST(ArithmeticOperators, Where_Chooses) {
  Random random(7);
  for (const DType dtype : types_of("Identity")) {
    for (const Shape& shape : ugly_shapes(random)) {
      std::vector<Tensor> inputs = {
          random_tensor(random, DType::boolean, broadcastable(random, shape))};
      for (int i = 0; i < 2; ++i) {
        inputs.push_back(random_tensor(random, dtype, broadcastable(random, shape)));
      }
      const Array expected =
          folded(inputs, [](const std::vector<double>& v) { return v[0] != 0 ? v[1] : v[2]; });
      expect_close(run(call_of("Where", inputs))[0], dtype, expected);
    }
  }
  const Tensor x(DType::f32, {2});
  expect_refused(call_of("Where", {x, x, x}), "input 0 is float32");
  const Tensor flags(DType::boolean, {2});
  expect_refused(call_of("Where", {flags, x, Tensor(DType::f64, {2})}), "input 2 is float64");
  expect_refused(call_of("Where", {flags, x, Tensor(DType::f32, {3})}), "input 2 is");
}

TEST(ArithmeticOperators, PRelu_HasASlopeThatBroadcasts) {
  Random random(8);
  for (const DType dtype : types_of("PRelu")) {
    for (const Shape& shape : ugly_shapes(random)) {
      const std::vector<Tensor> inputs = {
          random_tensor(random, dtype, shape),
          random_tensor(random, dtype, broadcastable(random, shape))};
      const Array expected = folded(
          inputs, [](const std::vector<double>& v) { return v[0] < 0 ? v[1] * v[0] : v[0]; });
      // The slope never widens the input.
      ASSERT_EQ(expected.shape(), shape);
      expect_close(run(call_of("PRelu", inputs))[0], dtype, expected);
    }
  }
  const Tensor x(DType::f32, {2, 1});
  expect_refused(call_of("PRelu", {x, Tensor(DType::f32, {2, 3})}), "broadcasts to");
  expect_refused(call_of("PRelu", {x, Tensor(DType::f32, {1, 2, 1})}), "broadcasts to");
  expect_refused(call_of("PRelu", {x, Tensor(DType::f64, {1})}), "input 1 is float64");
}

std::optional<Tensor> bound(bool given, double value, DType dtype) {
  if (!given) return std::nullopt;
  return Tensor::scalar(value).cast(dtype);
}

TEST(ArithmeticOperators, Clip_LimitsToTheBoundsGiven) {
  Random random(9);
  for (const DType dtype : types_of("Clip")) {
    for (int bits = 0; bits < 4; ++bits) {
      const bool low = bits & 1;
      const bool high = bits & 2;
      const Tensor x = random_tensor(random, dtype, {3, 7}, -9, 9);
      const Array values(x);
      const Array expected = Array::made(x.shape(), [&](const Index& at) {
        const double raised = low ? std::fmax(values(at), 2) : values(at);
        return high ? std::fmin(raised, 5) : raised;
      });
      const Call call{"Clip", {x, bound(low, 2, dtype), bound(high, 5, dtype)}};
      expect_close(run(call)[0], dtype, expected);
    }
  }
  const Tensor x = Tensor::from<float>({3}, {-1, static_cast<float>(nan), 9});
  // numpy.clip: where the bounds cross, all become the upper one; NaN stays.
  EXPECT_EQ(
      Array(run({"Clip", {Tensor::scalar(3.0f), Tensor::scalar(5.0f), Tensor::scalar(1.0f)}})[0])
          .values(),
      std::vector<double>{1});
  EXPECT_TRUE(std::isnan(Array(run({"Clip", {x, bound(true, 0, DType::f32)}})[0]).values()[1]));
  expect_refused({"Clip", {x, Tensor(DType::f64, {})}}, "input 1 is float64");
  expect_refused({"Clip", {x, std::nullopt, Tensor(DType::f32, {2})}}, "one element");
}

}  // namespace
}  // namespace betimes::graph

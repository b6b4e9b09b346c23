// QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

using QuantizeOperators = ::testing::Test;

double round_to_even(double x) {
  const double below = std::floor(x);
  if (x - below != 0.5) return std::floor(x + 0.5);
  return std::fmod(below, 2) == 0 ? below : below + 1;
}

/// A scale for each place along an axis, or one for all: {} is a scalar, {1} a list of one.
struct Scales {
  Shape shape;
  std::optional<size_t> axis;
};

std::vector<Scales> scales_for(Random& random, const Shape& shape) {
  std::vector<Scales> all = {{{}, std::nullopt}, {{1}, std::nullopt}};
  if (shape.empty()) return all;
  const size_t axis = random.below(shape.size());
  all.push_back({{shape[axis]}, axis});
  return all;
}

/// Powers of two, so that division is exact and ties are ties in float as in double.
Tensor random_scales(Random& random, const Shape& shape) {
  return Array::made(shape,
                     [&](const Index&) {
                       return std::ldexp(1.0, static_cast<int>(between(random, -3, 1)));
                     })
      .tensor(DType::f32);
}

Call scaled(Random& random, const std::string& op, const Tensor& x, const Scales& scales,
            std::optional<DType> zero_type) {
  Call call{op, {x, random_scales(random, scales.shape)}};
  if (zero_type) call.inputs.push_back(random_tensor(random, *zero_type, scales.shape, -20, 20));
  if (!scales.axis) return call;
  const auto axis = static_cast<int64_t>(*scales.axis);
  call.attributes["axis"] = coin(random) ? axis : axis - std::ssize(x.shape());
  return call;
}

/// f(x, scale, zero point) at each element.
template <class F>
Array with_scales(const Call& call, const Scales& scales, F&& f) {
  const Array x(*call.inputs[0]);
  const Array scale(*call.inputs[1]);
  const Array zero(call.inputs.size() > 2 ? *call.inputs[2] : Tensor(DType::f32, scales.shape));
  return Array::made(x.shape(), [&](const Index& at) {
    Index own(scales.shape.size(), 0);
    if (scales.axis) own[0] = at[*scales.axis];
    return f(x(at), scale(own), zero(own));
  });
}

TEST(QuantizeOperators, QuantizeLinear_RoundsAndSaturates) {
  Random random(90);
  for (const DType from : types_of("QuantizeLinear")) {
    for (const std::optional<DType> to :
         {std::optional<DType>{}, std::optional{DType::u8}, std::optional{DType::i8},
          std::optional{DType::u16}, std::optional{DType::i16}}) {
      for (const Shape& shape : ugly_shapes(random)) {
        for (const Scales& scales : scales_for(random, shape)) {
          // In sixteenths, so that many are ties.
          Tensor x = random_tensor(random, DType::i32, shape, -640, 640);
          if (from == DType::f32) {
            const Array whole(x);
            x = Array::made(shape, [&](const Index& at) { return whole(at) / 16; }).tensor(from);
          }
          const Call call = scaled(random, "QuantizeLinear", x, scales, to);
          const bool wide = to == DType::u16 || to == DType::i16;
          const double range = wide ? 65535 : 255;
          const double low = to == DType::i8 || to == DType::i16 ? -(range + 1) / 2 : 0;
          const Array expected =
              with_scales(call, scales, [&](double value, double scale, double zero) {
                return std::clamp(round_to_even(value / scale) + zero, low, low + range);
              });
          SCOPED_TRACE(call.describe());
          expect_close(run(call)[0], to.value_or(DType::u8), expected);
        }
      }
    }
  }
}

TEST(QuantizeOperators, QuantizeLinear_OfNumbersBeyondAll) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::from<float>({4}, {-infinity, infinity, 3e38f, -3e38f});
  const Call call{"QuantizeLinear", {x, Tensor::scalar(0.5f), Tensor::scalar(int8_t{5})}};
  EXPECT_EQ(Array(run(call)[0]).values(), (std::vector<double>{-128, 127, 127, -128}));
}

TEST(QuantizeOperators, DequantizeLinear_TakesTheZeroPointAway) {
  Random random(91);
  for (const DType from : types_of("DequantizeLinear")) {
    for (const bool zero_given : {false, true}) {
      for (const Shape& shape : ugly_shapes(random)) {
        for (const Scales& scales : scales_for(random, shape)) {
          const Tensor x = random_tensor(random, from, shape, -128, 127);
          const Call call = scaled(random, "DequantizeLinear", x, scales,
                                   zero_given ? std::optional{from} : std::nullopt);
          const Array expected = with_scales(
              call, scales,
              [](double value, double scale, double zero) { return (value - zero) * scale; });
          SCOPED_TRACE(call.describe());
          expect_close(run(call)[0], DType::f32, expected);
        }
      }
    }
  }
  const int32_t low = std::numeric_limits<int32_t>::min();
  const Call wide{"DequantizeLinear",
                  {Tensor::scalar(low), Tensor::scalar(1.0f), Tensor::scalar(int32_t{1})}};
  EXPECT_EQ(Array(run(wide)[0]).values(), std::vector<double>{-2147483648.0});
}

TEST(QuantizeOperators, QuantizeLinear_CountsAxesFromOne) {
  const Tensor x = Tensor::from<float>({2, 2}, {1, 2, 3, 4});
  const Tensor scale = Tensor::from<float>({2}, {1, 0.5});
  EXPECT_EQ(Array(run({"QuantizeLinear", {x, scale}})[0]).values(),
            (std::vector<double>{1, 4, 3, 8}));
}

TEST(QuantizeOperators, QuantizeLinear_AndItsInverseRefuseWhatDoesNotFit) {
  for (const std::string op : {"QuantizeLinear", "DequantizeLinear"}) {
    const DType dtype = op == "QuantizeLinear" ? DType::f32 : DType::i8;
    const Tensor x(dtype, {2, 3});
    const Tensor three(DType::f32, {3});
    expect_refused({op, {x, Tensor(DType::f32, {2})}}, "input 1 is");
    expect_refused({op, {x, Tensor(DType::f32, {1, 3})}}, "input 1 is");
    expect_refused({op, {x, Tensor(DType::f64, {})}}, "input 1 is float64");
    expect_refused({op, {x, three, Tensor(DType::i8, {})}}, "as many zero points");
    expect_refused({op, {x, three}, {{"axis", int64_t{2}}}}, "axis 2");
    expect_refused({op, {Tensor(dtype, {3}), three}}, "axis 1");
    expect_refused({op, {Tensor(dtype, {}), three}}, "axis 1");
    expect_refused({op, {Tensor(DType::boolean, {3}), three}}, "input 0 is bool");
  }
  const Tensor scale = Tensor::scalar(1.0f);
  expect_refused({"QuantizeLinear", {Tensor(DType::f32, {1}), scale, Tensor(DType::i32, {})}},
                 "input 2 is int32");
  expect_refused({"DequantizeLinear", {Tensor(DType::u8, {1}), scale, Tensor(DType::i8, {})}},
                 "input 2 is int8");
}

void expect_dynamic(const Tensor& x) {
  const Array values(x);
  double low = 0;
  double high = 0;
  for (const double value : values.values()) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const std::vector<Tensor> found = run({"DynamicQuantizeLinear", {x}, {}, 3});
  // The scale of nothing but zeros is any, as long as it is a number.
  const double scale = high > low ? (high - low) / 255 : Array(found[1]).values()[0];
  expect_close(found[1], DType::f32, Array({}, scale));
  ASSERT_GT(scale, 0);
  const double zero = std::clamp(round_to_even(-low / scale), 0.0, 255.0);
  expect_close(found[2], DType::u8, Array({}, zero));
  const Array quantized(found[0]);
  ASSERT_EQ(found[0].type(), (TensorType{DType::u8, x.shape()}));
  each_index(x.shape(), [&](const Index& at) {
    // A tie in float may not be one in double.
    const double exact = std::clamp(values(at) / scale + zero, 0.0, 255.0);
    EXPECT_LE(std::fabs(quantized(at) - exact), 0.5001);
  });
}

TEST(QuantizeOperators, DynamicQuantizeLinear_CoversTheRangeAndZero) {
  Random random(92);
  for (const Shape& shape : ugly_shapes(random)) {
    expect_dynamic(random_tensor(random, DType::f32, shape));
    expect_dynamic(random_tensor(random, DType::f32, shape, 1, 3));
    expect_dynamic(random_tensor(random, DType::f32, shape, -3, -1));
    expect_dynamic(Tensor(DType::f32, shape));
  }
  expect_refused({"DynamicQuantizeLinear", {Tensor(DType::f64, {1})}, {}, 3}, "float64");
  expect_refused({"DynamicQuantizeLinear", {Tensor(DType::f32, {1})}, {}, 1}, "has 1 outputs");
}

}  // namespace
}  // namespace betimes::graph

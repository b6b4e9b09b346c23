// Operators that change or read shapes only.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

using ShapeOperators = ::testing::Test;

/// The call gives input 0's elements, bit for bit, in the shape.
void expect_viewed(const Call& call, const Shape& shape) {
  SCOPED_TRACE(call.describe());
  const Tensor& x = *call.inputs[0];
  const Tensor y = run(call)[0];
  EXPECT_EQ(y.dtype(), x.dtype());
  ASSERT_EQ(to_string(y.shape()), to_string(shape));
  ASSERT_EQ(y.bytes(), x.bytes());
  EXPECT_TRUE(x.bytes() == 0 || std::memcmp(y.raw(), x.raw(), x.bytes()) == 0);
}

TEST(ShapeOperators, Reshape_KeepsTheElements) {
  struct Case {
    Shape from;
    std::vector<int64_t> wanted;
    Shape to;
    int64_t allow_zero = 0;
  };
  const std::vector<Case> cases = {{{2, 3, 5}, {5, 6}, {5, 6}},
                                   {{2, 3, 5}, {-1}, {30}},
                                   {{2, 3, 5}, {0, -1}, {2, 15}},
                                   {{2, 3, 5}, {0, 0, 0}, {2, 3, 5}},
                                   {{1}, {}, {}},
                                   {{}, {1, 1}, {1, 1}},
                                   {{}, {-1}, {1}},
                                   {{0, 3}, {3, 0}, {3, 0}, 1},
                                   {{0, 3}, {0, 7}, {0, 7}},
                                   {{0, 3}, {-1, 3}, {0, 3}},
                                   {{2, 0}, {0}, {0}, 1},
                                   {{4}, {1, 2, 1, 2, 1, 1}, {1, 2, 1, 2, 1, 1}}};
  Random random(30);
  for (const DType dtype : types_of("Reshape")) {
    for (const Case& c : cases) {
      Call call{"Reshape", {random_tensor(random, dtype, c.from), integers(c.wanted)}};
      if (c.allow_zero) call.attributes["allowzero"] = c.allow_zero;
      expect_viewed(call, c.to);
    }
  }
}

TEST(ShapeOperators, Reshape_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {2, 3});
  const std::vector<std::vector<int64_t>> wrong = {{5}, {-1, 4}, {-1, -1}, {-2, -3}, {2, 3, 0}, {}};
  for (const std::vector<int64_t>& wanted : wrong) {
    expect_refused({"Reshape", {x, integers(wanted)}}, "cannot view");
  }
  const int64_t far = int64_t{1} << 62;
  expect_refused({"Reshape", {x, integers({far, far})}}, "absurdly large");
  const Tensor none(DType::f32, {0, 3});
  expect_refused({"Reshape", {none, integers({0, -1})}}, "cannot view");
  expect_refused({"Reshape", {none, integers({0, -1})}, {{"allowzero", int64_t{1}}}},
                 "cannot view");
  expect_refused({"Reshape", {x, integers({6})}, {}, 1, "", {1}}, "the shape");
  expect_refused({"Reshape", {x, Tensor(DType::f32, {1})}}, "the shape");
}

TEST(ShapeOperators, Flatten_MakesAMatrix) {
  Random random(31);
  for (const DType dtype : types_of("Flatten")) {
    for (const Shape& shape : ugly_shapes(random)) {
      const auto rank = static_cast<int64_t>(shape.size());
      for (int64_t axis = -rank; axis <= rank; ++axis) {
        const auto split = shape.begin() + (axis < 0 ? axis + rank : axis);
        const Shape wanted = {
            std::accumulate(shape.begin(), split, int64_t{1}, std::multiplies<>()),
            std::accumulate(split, shape.end(), int64_t{1}, std::multiplies<>())};
        expect_viewed({"Flatten", {random_tensor(random, dtype, shape)}, {{"axis", axis}}}, wanted);
      }
    }
  }
  expect_viewed({"Flatten", {Tensor(DType::f32, {2, 3, 5})}}, {2, 15});
  expect_refused({"Flatten", {Tensor(DType::f32, {2})}, {{"axis", int64_t{2}}}}, "'axis'");
  expect_refused({"Flatten", {Tensor(DType::f32, {2})}, {{"axis", int64_t{-2}}}}, "'axis'");
  expect_refused({"Flatten", {Tensor(DType::f32, {})}}, "'axis'");
}

TEST(ShapeOperators, Squeeze_DropsAxesOfOneElement) {
  for (const DType dtype : types_of("Squeeze")) {
    const Tensor x(dtype, {1, 3, 1, 1});
    expect_viewed({"Squeeze", {x}}, {3});
    expect_viewed({"Squeeze", {x, std::nullopt}}, {3});
    expect_viewed({"Squeeze", {x, integers({})}}, {1, 3, 1, 1});
    expect_viewed({"Squeeze", {x, integers({-1, 0})}}, {3, 1});
    expect_viewed({"Squeeze", {x, integers({2})}}, {1, 3, 1});
    expect_viewed({"Squeeze", {Tensor(dtype, {})}}, {});
    expect_viewed({"Squeeze", {Tensor(dtype, {0, 1})}}, {0});
  }
  const Tensor x(DType::f32, {1, 3, 1});
  expect_refused({"Squeeze", {x, integers({1})}}, "isn't 1");
  expect_refused({"Squeeze", {x, integers({3})}}, "axis 3");
  expect_refused({"Squeeze", {x, integers({0, -3})}}, "given twice");
  expect_refused({"Squeeze", {x, integers({0})}, {}, 1, "", {1}}, "the axes");
}

TEST(ShapeOperators, Unsqueeze_AddsAxesOfOneElement) {
  for (const DType dtype : types_of("Unsqueeze")) {
    const Tensor x(dtype, {2, 3});
    expect_viewed({"Unsqueeze", {x, integers({})}}, {2, 3});
    expect_viewed({"Unsqueeze", {x, integers({0})}}, {1, 2, 3});
    expect_viewed({"Unsqueeze", {x, integers({-1})}}, {2, 3, 1});
    // Axes count in the result, in any order.
    expect_viewed({"Unsqueeze", {x, integers({4, 0, 2})}}, {1, 2, 1, 3, 1});
    expect_viewed({"Unsqueeze", {x, integers({-1, -4})}}, {1, 2, 3, 1});
    expect_viewed({"Unsqueeze", {Tensor(dtype, {}), integers({1, 0})}}, {1, 1});
    expect_viewed({"Unsqueeze", {Tensor(dtype, {0}), integers({0})}}, {1, 0});
  }
  const Tensor x(DType::f32, {2, 3});
  expect_refused({"Unsqueeze", {x, integers({3})}}, "axis 3");
  expect_refused({"Unsqueeze", {x, integers({0, -4})}}, "given twice");
  expect_refused({"Unsqueeze", {x, integers({0, 0})}}, "given twice");
  expect_refused({"Unsqueeze", {x, integers({0, 1, 2, 3, 4, 5, 6})}}, "too many dimensions");
}

TEST(ShapeOperators, Dropout_IsIdentityWhenNothingLearns) {
  Random random(32);
  for (const DType dtype : types_of("Dropout")) {
    for (const Shape& shape : ugly_shapes(random)) {
      const Tensor x = random_tensor(random, dtype, shape);
      expect_viewed({"Dropout", {x}, {{"seed", int64_t{4}}}}, shape);
      const Tensor ratio = Tensor::scalar(0.75f);
      const std::vector<Tensor> both = run({"Dropout", {x, ratio, Tensor::scalar(false)}, {}, 2});
      expect_close(both[0], dtype, Array(x));
      expect_close(both[1], DType::boolean, Array(shape, 1));
    }
  }
  const Tensor x(DType::f32, {2});
  expect_refused({"Dropout", {x, std::nullopt, Tensor::scalar(true)}}, "training_mode");
  expect_refused({"Dropout", {x, std::nullopt, Tensor(DType::boolean, {2})}}, "one element");
  expect_refused({"Dropout", {x, std::nullopt, Tensor::scalar(false)}, {}, 1, "", {2}},
                 "training_mode");
}

TEST(ShapeOperators, Shape_GivesASliceOfTheExtents) {
  constexpr int64_t far = std::numeric_limits<int64_t>::max();
  for (const DType dtype : types_of("Shape")) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{2, 3, 5, 0}}) {
      const auto rank = static_cast<int64_t>(shape.size());
      for (const int64_t start : {-far - 1, -rank - 1, int64_t{-1}, int64_t{0}, int64_t{2}, far}) {
        for (const int64_t end : {-far - 1, int64_t{-1}, int64_t{0}, int64_t{3}, far}) {
          std::vector<double> expected;
          for (int64_t i = 0; i < rank; ++i) {
            const bool after = start < 0 ? i - rank >= start : i >= start;
            const bool before = end < 0 ? i - rank < end : i < end;
            if (after && before)
              expected.push_back(static_cast<double>(shape[static_cast<size_t>(i)]));
          }
          const Tensor y =
              run({"Shape", {Tensor(dtype, shape)}, {{"start", start}, {"end", end}}})[0];
          EXPECT_EQ(y.dtype(), DType::i64);
          EXPECT_EQ(Array(y).values(), expected) << start << " to " << end;
        }
      }
      EXPECT_EQ(run({"Shape", {Tensor(dtype, shape)}})[0].shape(), Shape{rank});
    }
  }
}

TEST(ShapeOperators, Size_CountsElements) {
  Random random(33);
  for (const DType dtype : types_of("Size")) {
    for (const Shape& shape : ugly_shapes(random)) {
      int64_t count = 0;
      each_index(shape, [&](const Index&) { ++count; });
      const Tensor y = run({"Size", {Tensor(dtype, shape)}})[0];
      EXPECT_EQ(y.shape(), Shape{});
      EXPECT_EQ(y.data<int64_t>()[0], count);
    }
  }
}

TEST(ShapeOperators, ConstantOfShape_Fills) {
  Random random(34);
  for (const Shape& shape : ugly_shapes(random)) {
    const Tensor wanted = integers(shape);
    expect_close(run({"ConstantOfShape", {wanted}})[0], DType::f32, Array(shape));
    for (const DType dtype : types_of("Identity")) {
      const Tensor value = Tensor::from<double>({1}, std::vector<double>{1}).cast(dtype);
      expect_close(run({"ConstantOfShape", {wanted}, {{"value", value}}})[0], dtype,
                   Array(shape, 1));
    }
  }
  const Tensor two(DType::f32, {2});
  expect_refused({"ConstantOfShape", {integers({2})}, {{"value", two}}}, "one element");
  expect_refused({"ConstantOfShape", {integers({2, -1})}}, "negative extent");
  expect_refused({"ConstantOfShape", {integers({1 << 30, 1 << 30})}}, "absurdly large");
  expect_refused({"ConstantOfShape", {Tensor(DType::i32, {1})}}, "input 0 is int32");
  expect_refused({"ConstantOfShape", {integers({2})}, {}, 1, "", {0}}, "the shape");
}

Call range(DType dtype, double start, double limit, double delta) {
  return {"Range",
          {Tensor::scalar(start).cast(dtype), Tensor::scalar(limit).cast(dtype),
           Tensor::scalar(delta).cast(dtype)}};
}

TEST(ShapeOperators, Range_StopsBeforeTheLimit) {
  const double cases[][3] = {{0, 10, 1},  {0, 10, 3},  {0, 9, 3},   {10, 0, -3},
                             {-2, 2, 2},  {3, 3, 1},   {3, 2, 1},   {2, 3, -1},
                             {5, -6, -4}, {0, 1, 100}, {0, 2, 0.5}, {1, -1, -0.25}};
  for (const DType dtype : types_of("Range")) {
    for (const auto& [start, limit, delta] : cases) {
      if (!is_floating(dtype) && delta != std::trunc(delta)) continue;
      std::vector<double> expected;
      for (double x = start; delta > 0 ? x < limit : x > limit; x += delta) expected.push_back(x);
      const Tensor y = run(range(dtype, start, limit, delta))[0];
      EXPECT_EQ(y.dtype(), dtype);
      EXPECT_EQ(Array(y).values(), expected) << start << " to " << limit << " by " << delta;
    }
    expect_refused(range(dtype, 0, 1, 0), "delta is 0");
  }
  EXPECT_EQ(Array(run(range(DType::i16, -32768, 32767, 32767))[0]).values(),
            (std::vector<double>{-32768, -1, 32766}));
}

TEST(ShapeOperators, Range_RefusesBoundsWithoutMeaning) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const DType dtype : {DType::f32, DType::f64}) {
    expect_refused(range(dtype, nan, 1, 1), "isn't a number");
    expect_refused(range(dtype, 0, nan, 1), "isn't a number");
    expect_refused(range(dtype, 0, 1, nan), "isn't a number");
    expect_refused(range(dtype, 0, infinity, 1), "too many elements");
    expect_refused(range(dtype, 0, 1, 1e-30), "too many elements");
  }
  const Tensor low = Tensor::scalar(std::numeric_limits<int64_t>::min());
  const Tensor high = Tensor::scalar(std::numeric_limits<int64_t>::max());
  expect_refused({"Range", {low, high, Tensor::scalar(int64_t{1})}}, "too many elements");
  Call call = range(DType::f32, 0, 1, 1);
  call.inputs[1] = Tensor::scalar(1.0);
  expect_refused(call, "input 1 is float64");
  call.inputs[1] = Tensor(DType::f32, {2});
  expect_refused(call, "one element");
  Call computed = range(DType::f32, 0, 1, 1);
  computed.computed = {1};
  expect_refused(computed, "limit");
}

}  // namespace
}  // namespace betimes::graph

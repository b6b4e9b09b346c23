// Operators whose output follows a pattern of positions: Trilu, EyeLike, OneHot, Hardmax,
// ReverseSequence; and CastLike and BitShift.
#include <gtest/gtest.h>

#include <algorithm>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

TEST(PatternOperators, Trilu_KeepsOneSideOfADiagonal) {
  Random random(120);
  for (const DType dtype : types_of("Trilu")) {
    for (int round = 0; round < 30; ++round) {
      const Tensor x =
          random_tensor(random, dtype, random_shape(random, 2 + random.below(4)), -9, 9);
      Call call{"Trilu", {x}};
      int64_t k = 0;
      if (coin(random)) {
        k = between(random, -8, 8);
        call.inputs.push_back(Tensor::scalar<int64_t>(k));
      }
      const bool upper = coin(random);
      if (!upper || coin(random)) call.attributes["upper"] = int64_t{upper};
      SCOPED_TRACE(call.describe() + (upper ? " upper " : " lower ") + std::to_string(k));
      const Array values(x);
      const size_t rank = x.shape().size();
      const Array expected = Array::made(x.shape(), [&](const Index& at) {
        const int64_t row = at[rank - 2];
        const int64_t column = at[rank - 1];
        return (upper ? column >= row + k : column <= row + k) ? values(at) : 0;
      });
      expect_close(run(call)[0], dtype, expected);
    }
  }
  expect_refused({"Trilu", {Tensor(DType::f32, {3})}}, "input 0");
  expect_refused({"Trilu", {Tensor(DType::f32, {3, 3}), Tensor(DType::i32, {})}}, "int64");
}

TEST(PatternOperators, EyeLike_HasOnesOnADiagonal) {
  Random random(121);
  const std::vector<std::pair<int64_t, DType>> types = {{0, DType::f32},  {11, DType::f64},
                                                        {10, DType::f16}, {7, DType::i64},
                                                        {2, DType::u8},   {9, DType::boolean}};
  for (const auto& [code, dtype] : types) {
    for (int round = 0; round < 12; ++round) {
      const Tensor x = random_tensor(random, DType::f32, random_shape(random, 2));
      const int64_t k = between(random, -4, 4);
      Call call{"EyeLike", {x}, {{"k", k}}};
      if (code > 0) call.attributes["dtype"] = code;
      SCOPED_TRACE(call.describe() + " " + std::to_string(k));
      const Array expected =
          Array::made(x.shape(), [&](const Index& at) { return at[1] - at[0] == k ? 1.0 : 0.0; });
      expect_close(run(call)[0], dtype, expected);
    }
  }
  expect_refused({"EyeLike", {Tensor(DType::f32, {3})}}, "input 0");
}

TEST(PatternOperators, OneHot_SetsTheIndexedPlace) {
  Random random(122);
  for (const DType dtype : types_of("OneHot")) {
    for (const DType result : {DType::f32, DType::i64, DType::boolean, DType::f16}) {
      const Shape shape = random_shape(random, random.below(4), 60);
      const int64_t depth = between(random, 0, 5);
      // Beyond both ends too: such indices set nothing.
      const Tensor indices = random_tensor(random, dtype, shape, -7, 7);
      const Tensor values = Tensor::from<double>({2}, std::vector<double>{0, 1}).cast(result);
      const int64_t rank = std::ssize(shape) + 1;
      const int64_t axis = between(random, -rank, rank - 1);
      const Call call{
          "OneHot", {indices, Tensor::scalar<int64_t>(depth), values}, {{"axis", axis}}};
      SCOPED_TRACE(call.describe() + " axis " + std::to_string(axis));
      const auto place = static_cast<size_t>(axis < 0 ? axis + rank : axis);
      Shape all = shape;
      all.insert(all.begin() + static_cast<std::ptrdiff_t>(place), depth);
      const Array given(indices.cast(DType::i64));
      const Array expected = Array::made(all, [&](const Index& at) {
        Index from = at;
        from.erase(from.begin() + static_cast<std::ptrdiff_t>(place));
        double index = given(from);
        if (index < 0) index += static_cast<double>(depth);
        return index == static_cast<double>(at[place]) ? 1.0 : 0.0;
      });
      expect_close(run(call)[0], result, expected);
    }
  }
  const Tensor indices(DType::i64, {2});
  const Tensor values(DType::f32, {2});
  expect_refused({"OneHot", {indices, Tensor::scalar<int64_t>(-1), values}}, "depth");
  expect_refused({"OneHot", {indices, Tensor::scalar<int64_t>(2), Tensor(DType::f32, {3})}},
                 "input 2");
}

TEST(PatternOperators, Hardmax_IsOneAtTheFirstLargest) {
  Random random(123);
  for (const DType dtype : types_of("Hardmax")) {
    for (int round = 0; round < 30; ++round) {
      const Shape shape = random_shape(random, 1 + random.below(4));
      // Few values, so that the largest often comes several times.
      const Tensor x = random_tensor(random, DType::i32, shape, -2, 2).cast(dtype);
      const int64_t axis = between(random, -std::ssize(shape), std::ssize(shape) - 1);
      const Call call{"Hardmax", {x}, {{"axis", axis}}};
      SCOPED_TRACE(call.describe() + " axis " + std::to_string(axis));
      const auto along = static_cast<size_t>(axis < 0 ? axis + std::ssize(shape) : axis);
      const Array values(x);
      const Array expected = Array::made(shape, [&](const Index& at) {
        Index other = at;
        for (int64_t k = 0; k < shape[along]; ++k) {
          other[along] = k;
          if (k < at[along] ? values(other) >= values(at) : values(other) > values(at)) return 0.0;
        }
        return 1.0;
      });
      expect_close(run(call)[0], dtype, expected);
    }
  }
}

TEST(PatternOperators, ReverseSequence_TurnsTheFirstStepsRound) {
  Random random(124);
  for (const DType dtype : types_of("ReverseSequence")) {
    for (int round = 0; round < 20; ++round) {
      const Tensor x =
          random_tensor(random, dtype, random_shape(random, 2 + random.below(3)), -90, 90);
      const size_t time = random.below(2);
      const size_t batch = 1 - time;
      std::vector<int64_t> lengths;
      for (int64_t b = 0; b < x.shape()[batch]; ++b) {
        lengths.push_back(between(random, 0, x.shape()[time]));
      }
      const Call call{
          "ReverseSequence",
          {x, integers(lengths)},
          {{"time_axis", static_cast<int64_t>(time)}, {"batch_axis", static_cast<int64_t>(batch)}}};
      SCOPED_TRACE(call.describe());
      const Array values(x);
      const Array expected = Array::made(x.shape(), [&](const Index& at) {
        Index from = at;
        const int64_t length = lengths[static_cast<size_t>(at[batch])];
        if (at[time] < length) from[time] = length - 1 - at[time];
        return values(from);
      });
      expect_close(run(call)[0], dtype, expected);
    }
  }
  const Tensor x(DType::f32, {3, 2});
  expect_refused({"ReverseSequence", {x, integers({1, 1, 1})}}, "input 1");
  expect_refused({"ReverseSequence", {x, integers({1, 1})}, {{"time_axis", int64_t{1}}}}, "same");
  expect_refused({"ReverseSequence", {x, integers({1, 1})}, {{"time_axis", int64_t{2}}}},
                 "time_axis");
}

TEST(PatternOperators, CastLike_TakesTheOthersType) {
  Random random(125);
  for (const DType from : types_of("CastLike")) {
    for (const DType to : types_of("CastLike")) {
      const Tensor x = random_tensor(random, from, {5, 7}, 0, 9);
      Call cast{"CastLike", {x, Tensor(to, {2})}};
      SCOPED_TRACE(cast.describe());
      const Tensor found = run(cast)[0];
      EXPECT_EQ(found.type(), (TensorType{to, {5, 7}}));
      expect_close(found, to, Array(x.cast(to)));
    }
  }
}

TEST(PatternOperators, BitShift_MovesBitsOut) {
  Random random(126);
  for (const DType dtype : types_of("BitShift")) {
    for (const std::string direction : {"LEFT", "RIGHT"}) {
      const int bits = static_cast<int>(8 * size_of(dtype));
      const Tensor x = random_tensor(random, dtype, {4, 1, 3}, 0, 255);
      const Tensor by = random_tensor(random, dtype, {5, 1}, 0, bits + 3);
      const Call call{"BitShift", {x, by}, {{"direction", direction}}};
      SCOPED_TRACE(call.describe() + " " + direction);
      const Array values(x);
      const Array shifts(by);
      const Array expected = Array::made({4, 5, 3}, [&](const Index& at) {
        auto value = static_cast<uint64_t>(values.broadcast(at));
        for (int i = 0; i < static_cast<int>(shifts.broadcast(at)); ++i) {
          value = direction == "LEFT" ? value * 2 : value / 2;
          if (bits < 64) value %= uint64_t{1} << bits;
        }
        return static_cast<double>(value);
      });
      expect_close(run(call)[0], dtype, expected);
    }
  }
  const Tensor x(DType::u8, {2});
  expect_refused({"BitShift", {x, x}}, "LEFT or RIGHT");
  expect_refused({"BitShift", {x, Tensor(DType::u16, {2})}, {{"direction", std::string("LEFT")}}},
                 "uint8");
}

}  // namespace
}  // namespace betimes::graph

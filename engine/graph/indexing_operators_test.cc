// Operators that read by position: Slice, Pad, Gather, GatherElements.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

using IndexingOperators = ::testing::Test;

/// The positions that a slice takes, as ONNX's text has it: negative starts and ends count from the
/// back; then a start is clamped to [0, n] going forwards and to [0, n - 1] going backwards, an end
/// to [0, n] and to [-1, n - 1].
std::vector<int64_t> sliced(int64_t start, int64_t end, int64_t step, int64_t n) {
  std::vector<int64_t> taken;
  if (n == 0) return taken;
  if (start < 0) start += n;
  if (end < 0) end += n;
  start = std::clamp<int64_t>(start, 0, step > 0 ? n : n - 1);
  end = std::clamp<int64_t>(end, step > 0 ? 0 : -1, step > 0 ? n : n - 1);
  for (int64_t i = start; step > 0 ? i < end : i > end; i += step) taken.push_back(i);
  return taken;
}

struct Cut {
  std::vector<int64_t> starts, ends, axes, steps;

  static Cut random(Random& random, const Shape& shape) {
    Cut cut;
    for (int64_t axis = 0; axis < std::ssize(shape); ++axis) {
      if (random.below(3) == 0) continue;
      const int64_t n = shape[static_cast<size_t>(axis)];
      cut.starts.push_back(between(random, -n - 3, n + 3));
      cut.ends.push_back(between(random, -n - 3, n + 3));
      cut.axes.push_back(coin(random) ? axis : axis - std::ssize(shape));
      cut.steps.push_back((coin(random) ? 1 : -1) * between(random, 1, 3));
    }
    return cut;
  }
};

TEST(IndexingOperators, Slice_TakesEveryStepth) {
  Random random(40);
  for (const DType dtype : types_of("Slice")) {
    for (int round = 0; round < 40; ++round) {
      const Tensor x = random_tensor(random, dtype, random_shape(random, random.below(7)), -90, 90);
      const Cut cut = Cut::random(random, x.shape());
      std::vector<std::vector<int64_t>> taken;
      for (const int64_t n : x.shape()) taken.push_back(sliced(0, n, 1, n));
      for (size_t i = 0; i < cut.axes.size(); ++i) {
        const auto axis = static_cast<size_t>(cut.axes[i] < 0 ? cut.axes[i] + std::ssize(x.shape())
                                                              : cut.axes[i]);
        taken[axis] = sliced(cut.starts[i], cut.ends[i], cut.steps[i], x.shape()[axis]);
      }
      Shape shape;
      for (const auto& positions : taken) shape.push_back(std::ssize(positions));
      const Array values(x);
      const Array expected = Array::made(shape, [&](const Index& at) {
        Index from;
        for (size_t i = 0; i < at.size(); ++i) from.push_back(taken[i][static_cast<size_t>(at[i])]);
        return values(from);
      });
      Call call{
          "Slice",
          {x, integers(cut.starts), integers(cut.ends), integers(cut.axes), integers(cut.steps)}};
      SCOPED_TRACE(call.describe() + " from " + to_string(cut.starts) + " to " +
                   to_string(cut.ends) + " by " + to_string(cut.steps));
      expect_close(run(call)[0], dtype, expected);
    }
  }
}

std::vector<double> cut_of_five(const std::vector<Tensor>& more) {
  Call call{"Slice", {Tensor::from<float>({5}, {0, 1, 2, 3, 4})}};
  for (const Tensor& input : more) call.inputs.push_back(input);
  return Array(run(call)[0]).values();
}

TEST(IndexingOperators, Slice_TakesBoundsOfAnySize) {
  constexpr int64_t far = std::numeric_limits<int64_t>::max();
  const auto one = [](int64_t value) { return integers({value}); };
  using List = std::vector<double>;
  EXPECT_EQ(cut_of_five({one(1), one(far)}), (List{1, 2, 3, 4}));
  EXPECT_EQ(cut_of_five({one(far), one(-far - 1), one(0), one(-2)}), (List{4, 2, 0}));
  EXPECT_EQ(cut_of_five({one(-far - 1), one(far), one(0), one(far)}), (List{0}));
  EXPECT_EQ(cut_of_five({one(-1), one(-far - 1), one(-1), one(-far - 1)}), (List{4}));
  EXPECT_EQ(cut_of_five({one(3), one(3)}), List{});
  // A start before the first element is the first, whichever way the steps go: so says ONNX's text,
  // where Python's slices are empty.
  EXPECT_EQ(cut_of_five({one(-9), one(-9), one(0), one(-1)}), (List{0}));
  const auto narrow = [](int32_t value) { return Tensor::from<int32_t>({1}, std::vector{value}); };
  EXPECT_EQ(cut_of_five({narrow(1), narrow(-1)}), (List{1, 2, 3}));
}

TEST(IndexingOperators, Slice_RefusesBoundsThatDoNotFit) {
  const Tensor x(DType::f32, {2, 3});
  const Tensor none = integers({0});
  const Tensor two = integers({0, 0});
  expect_refused({"Slice", {x, none, none, none, none}}, "a step is 0");
  expect_refused({"Slice", {x, none, two}}, "input 2 is");
  expect_refused({"Slice", {x, none, none, integers({2})}}, "axis 2");
  expect_refused({"Slice", {x, two, two, integers({1, -1})}}, "given twice");
  expect_refused({"Slice", {x, integers({0, 0, 0}), integers({0, 0, 0})}}, "input 1 is");
  expect_refused({"Slice", {x, Tensor(DType::f32, {1}), none}}, "starts");
  expect_refused({"Slice", {x, none, none}, {}, 1, "", {2}}, "ends");
}

/// Where position i of a padded axis comes from; -1: the constant.
int64_t source(int64_t i, int64_t n, const std::string& mode) {
  if (i >= 0 && i < n) return i;
  if (mode == "edge") return i < 0 ? 0 : n - 1;
  if (mode == "wrap") return (i % n + n) % n;
  if (mode == "reflect") return i < 0 ? -i : 2 * (n - 1) - i;
  return -1;
}

void expect_padded(const Call& call, const std::string& mode, const std::vector<int64_t>& pads,
                   double constant) {
  const Array x(*call.inputs[0]);
  const size_t rank = x.shape().size();
  Shape shape = x.shape();
  for (size_t i = 0; i < rank; ++i) shape[i] += pads[i] + pads[rank + i];
  const Array expected = Array::made(shape, [&](const Index& at) {
    Index from;
    for (size_t i = 0; i < rank; ++i) from.push_back(source(at[i] - pads[i], x.extent(i), mode));
    return x.inside(from) ? x(from) : constant;
  });
  SCOPED_TRACE(call.describe() + " by " + to_string(pads) + " in mode " + mode);
  expect_close(run(call)[0], call.inputs[0]->dtype(), expected);
}

TEST(IndexingOperators, Pad_AddsAndCrops) {
  Random random(41);
  for (const DType dtype : types_of("Pad")) {
    for (const std::string mode : {"constant", "reflect", "edge", "wrap"}) {
      for (const Shape& shape : ugly_shapes(random)) {
        if (element_count(shape) > 300) continue;
        std::vector<int64_t> pads(2 * shape.size());
        for (size_t i = 0; i < pads.size(); ++i) {
          const int64_t n = shape[i % shape.size()];
          const int64_t most = mode == "reflect" ? n - 1 : n == 0 && mode != "constant" ? 0 : 2;
          // Crops are at most half, so that both ends together leave something to mirror.
          pads[i] = most > 0 && coin(random) ? between(random, 1, std::min<int64_t>(most, 2))
                                             : -between(random, 0, n / 2 > 0 ? 1 : 0);
          if (mode == "reflect" && pads[i] < 0) pads[i] = 0;
        }
        const Tensor x = random_tensor(random, dtype, shape);
        Call call{"Pad", {x, integers(pads)}, {{"mode", mode}}};
        expect_padded(call, mode, pads, 0);
        call.inputs.push_back(Tensor::scalar(1.0).cast(dtype));
        if (mode == "constant") call.attributes.clear();
        expect_padded(call, mode, pads, 1);
      }
    }
  }
}

TEST(IndexingOperators, Pad_RefusesPadsThatDoNotFit) {
  const Tensor x(DType::f32, {2, 3});
  const auto mode = [](const char* name) { return Attributes{{"mode", std::string(name)}}; };
  expect_refused({"Pad", {x, integers({1, 1})}}, "2 pads");
  expect_refused({"Pad", {x, integers({-3, 0, 0, 0})}}, "a pad is -3");
  expect_refused({"Pad", {x, integers({-2, 0, -1, 0})}}, "crops more");
  expect_refused({"Pad", {x, integers({2, 0, 0, 0})}, mode("reflect")}, "at most 1");
  expect_refused({"Pad", {Tensor(DType::f32, {0}), integers({1, 0})}, mode("edge")}, "at most 0");
  expect_refused({"Pad", {x, integers({0, 0, 0, 0})}, mode("mirror")}, "mirror");
  expect_refused({"Pad", {x, integers({int64_t{1} << 40, 0, 0, 0})}}, "a pad is");
  expect_refused({"Pad", {x, integers({0, 0, 0, 0}), Tensor(DType::f64, {})}}, "input 2");
  expect_refused({"Pad", {x, integers({0, 0, 0, 0}), Tensor(DType::f32, {2})}}, "one element");
}

TEST(IndexingOperators, Gather_TakesRowsByIndex) {
  Random random(42);
  for (const DType dtype : types_of("Gather")) {
    for (const Shape& shape : ugly_shapes(random)) {
      if (shape.empty()) continue;
      const size_t axis = random.below(shape.size());
      const int64_t n = shape[axis];
      const Shape places = n == 0 ? Shape{2, 0} : random_shape(random, random.below(3), 20);
      const DType index_type = coin(random) ? DType::i32 : DType::i64;
      const Tensor indices = random_tensor(random, index_type, places, static_cast<double>(-n),
                                           static_cast<double>(n - 1));
      const Tensor x = random_tensor(random, dtype, shape);
      Shape wanted(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(axis));
      wanted.insert(wanted.end(), places.begin(), places.end());
      wanted.insert(wanted.end(), shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1,
                    shape.end());
      const Array values(x);
      const Array rows(indices);
      const Array expected = Array::made(wanted, [&](const Index& at) {
        const auto begin = at.begin() + static_cast<std::ptrdiff_t>(axis);
        const auto end = begin + std::ssize(places);
        const auto row = static_cast<int64_t>(rows(Index(begin, end)));
        Index from(at.begin(), begin);
        from.push_back(row < 0 ? row + n : row);
        from.insert(from.end(), end, at.end());
        return values(from);
      });
      const int64_t given = static_cast<int64_t>(axis) - (coin(random) ? std::ssize(shape) : 0);
      const Call call{"Gather", {x, indices}, {{"axis", given}}};
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, expected);
    }
  }
}

TEST(IndexingOperators, GatherElements_TakesElementsByIndex) {
  Random random(43);
  for (const DType dtype : types_of("GatherElements")) {
    for (const Shape& shape : ugly_shapes(random)) {
      if (shape.empty()) continue;
      const size_t axis = random.below(shape.size());
      const int64_t n = shape[axis];
      Shape wanted = shape;  // along other axes, indices may be fewer
      for (int64_t& extent : wanted) extent = between(random, std::min<int64_t>(extent, 1), extent);
      wanted[axis] = n == 0 ? 0 : between(random, 0, 4);
      const Tensor indices = random_tensor(random, coin(random) ? DType::i32 : DType::i64, wanted,
                                           static_cast<double>(-n), static_cast<double>(n - 1));
      const Tensor x = random_tensor(random, dtype, shape);
      const Array values(x);
      const Array rows(indices);
      const Array expected = Array::made(wanted, [&](const Index& at) {
        Index from = at;
        const auto row = static_cast<int64_t>(rows(at));
        from[axis] = row < 0 ? row + n : row;
        return values(from);
      });
      const int64_t given = static_cast<int64_t>(axis) - (coin(random) ? std::ssize(shape) : 0);
      const Call call{"GatherElements", {x, indices}, {{"axis", given}}};
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, expected);
    }
  }
}

TEST(IndexingOperators, Gather_RefusesIndicesOutside) {
  const Tensor x(DType::f32, {2, 3});
  for (const std::string op : {"Gather", "GatherElements"}) {
    for (const int64_t index : {int64_t{2}, int64_t{-3}, std::numeric_limits<int64_t>::min()}) {
      const Tensor indices = Tensor::from<int64_t>({1, 1}, std::vector{index});
      EXPECT_THROW(run({op, {x, indices}}), Error) << index;
    }
    expect_refused({op, {x, Tensor(DType::f32, {1, 1})}}, "input 1 is float32");
    expect_refused({op, {x, Tensor(DType::i64, {1, 1})}, {{"axis", int64_t{2}}}}, "axis 2");
    expect_refused({op, {Tensor(DType::f32, {}), Tensor(DType::i64, {})}}, "axis 0");
  }
  const Tensor none(DType::f32, {0, 3});
  EXPECT_THROW(run({"Gather", {none, Tensor(DType::i64, {1})}}), Error);
  expect_refused({"GatherElements", {x, Tensor(DType::i64, {1})}}, "input 1 is");
  expect_refused({"GatherElements", {x, Tensor(DType::i64, {1, 4})}}, "input 1 is");
}

}  // namespace
}  // namespace betimes::graph

// Along one axis: ArgMax, ArgMin, TopK, CumSum.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

using SelectOperators = ::testing::Test;

/// The elements along an axis through a place.
std::vector<double> line(const Array& x, Index at, size_t axis) {
  std::vector<double> values;
  for (at[axis] = 0; at[axis] < x.extent(axis); ++at[axis]) values.push_back(x(at));
  return values;
}

int64_t either_end(Random& random, size_t axis, const Shape& shape) {
  return static_cast<int64_t>(axis) - (coin(random) ? std::ssize(shape) : 0);
}

void expect_arg(const std::string& op, bool keep, bool last) {
  Random random(100);
  for (const DType dtype : types_of(op)) {
    for (const Shape& shape : ugly_shapes(random)) {
      if (shape.empty()) continue;
      const size_t axis = random.below(shape.size());
      if (shape[axis] == 0) continue;
      Tensor x = random_tensor(random, DType::i32, shape, 0, 3).cast(dtype);  // many equals
      Call call{op, {x}, {{"axis", either_end(random, axis, shape)}}};
      if (!keep) call.attributes["keepdims"] = int64_t{0};
      if (last) call.attributes["select_last_index"] = int64_t{1};
      Shape wanted = shape;
      wanted[axis] = 1;
      if (!keep) wanted.erase(wanted.begin() + static_cast<std::ptrdiff_t>(axis));
      const Array values(x);
      const Array expected = Array::made(wanted, [&](Index at) {
        if (!keep) at.insert(at.begin() + static_cast<std::ptrdiff_t>(axis), 0);
        const std::vector<double> all = line(values, at, axis);
        const double best = op == "ArgMax" ? *std::max_element(all.begin(), all.end())
                                           : *std::min_element(all.begin(), all.end());
        const auto first = std::find(all.begin(), all.end(), best) - all.begin();
        const auto end = std::find(all.rbegin(), all.rend(), best) - all.rbegin();
        return static_cast<double>(last ? std::ssize(all) - 1 - end : first);
      });
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], DType::i64, expected);
    }
  }
}

TEST(SelectOperators, ArgMax_FindsTheFirstOrLast) {
  for (const bool keep : {false, true}) {
    for (const bool last : {false, true}) expect_arg("ArgMax", keep, last);
  }
}

TEST(SelectOperators, ArgMin_FindsTheFirstOrLast) {
  for (const bool keep : {false, true}) {
    for (const bool last : {false, true}) expect_arg("ArgMin", keep, last);
  }
}

TEST(SelectOperators, ArgMax_AndArgMinRefuseWhatDoesNotFit) {
  for (const std::string op : {"ArgMax", "ArgMin"}) {
    const Tensor x(DType::f32, {2, 3});
    expect_refused({op, {x}, {{"axis", int64_t{2}}}}, "axis 2");
    expect_refused({op, {x}, {{"keepdims", int64_t{3}}}}, "keepdims");
    expect_refused({op, {x}, {{"select_last_index", int64_t{-1}}}}, "select_last_index");
    expect_refused({op, {Tensor(DType::f32, {0, 3})}}, "at least one element");
    expect_refused({op, {Tensor::scalar(1.0f)}}, "axis 0");
    expect_refused({op, {Tensor(DType::boolean, {2})}}, "input 0 is bool");
  }
  const Tensor large =
      Tensor::from<int64_t>({2}, std::vector<int64_t>{9007199254740992, 9007199254740993});
  EXPECT_EQ(run({"ArgMax", {large}})[0].data<int64_t>()[0], 1);
}

void expect_top(const Call& call, size_t axis, int64_t k, bool largest) {
  const Array x(*call.inputs[0]);
  Shape shape = x.shape();
  shape[axis] = k;
  /// Places along the line in order, of equals the first first.
  const auto ordered = [&](const Index& at) {
    const std::vector<double> all = line(x, at, axis);
    std::vector<size_t> order(all.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return largest ? all[a] > all[b] : all[a] < all[b];
    });
    return static_cast<double>(order[static_cast<size_t>(at[axis])]);
  };
  const Array places = Array::made(shape, ordered);
  SCOPED_TRACE(call.describe());
  const std::vector<Tensor> found = run(call);
  expect_close(found[0], call.inputs[0]->dtype(), Array::made(shape, [&](Index at) {
                 at[axis] = static_cast<int64_t>(places(at));
                 return x(at);
               }));
  expect_close(found[1], DType::i64, places);
}

TEST(SelectOperators, TopK_SortsTheBest) {
  Random random(101);
  for (const DType dtype : types_of("TopK")) {
    for (const Shape& shape : ugly_shapes(random)) {
      if (shape.empty()) continue;
      const size_t axis = random.below(shape.size());
      const int64_t k = between(random, 0, shape[axis]);
      const bool largest = coin(random);
      Call call{"TopK",
                {random_tensor(random, DType::i32, shape, 0, 9).cast(dtype), integers({k})},
                {{"axis", either_end(random, axis, shape)}},
                2};
      if (!largest || coin(random)) call.attributes["largest"] = int64_t{largest};
      // Without sorting any order will do, this one too.
      if (coin(random)) call.attributes["sorted"] = int64_t{coin(random)};
      expect_top(call, axis, k, largest);
      call.attributes.clear();
      call.inputs[1] = integers({shape.back()});
      expect_top(call, shape.size() - 1, shape.back(), true);
    }
  }
}

TEST(SelectOperators, TopK_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {2, 3});
  expect_refused({"TopK", {x, integers({4})}, {}, 2}, "K is 4");
  expect_refused({"TopK", {x, integers({-1})}, {}, 2}, "K is -1");
  expect_refused({"TopK", {x, integers({1, 1})}, {}, 2}, "one element");
  expect_refused({"TopK", {x, Tensor(DType::f32, {1})}, {}, 2}, "K is");
  expect_refused({"TopK", {x, integers({1})}, {}, 2, "", {1}}, "K");
  expect_refused({"TopK", {x, integers({1})}, {{"axis", int64_t{-3}}}, 2}, "axis -3");
  expect_refused({"TopK", {x, integers({1})}, {{"largest", int64_t{2}}}, 2}, "largest");
  expect_refused({"TopK", {x, integers({1})}, {{"sorted", int64_t{2}}}, 2}, "sorted");
  expect_refused({"TopK", {Tensor::scalar(1.0f), integers({1})}, {}, 2}, "axis -1");
}

TEST(SelectOperators, CumSum_AddsUp) {
  Random random(102);
  for (const DType dtype : types_of("CumSum")) {
    for (int bits = 0; bits < 4; ++bits) {
      const bool exclusive = bits & 1;
      const bool reverse = bits & 2;
      for (const Shape& shape : ugly_shapes(random)) {
        if (shape.empty()) continue;
        const size_t axis = random.below(shape.size());
        const Tensor x = random_tensor(random, dtype, shape);
        Call call{"CumSum", {x, Tensor::scalar(either_end(random, axis, shape))}};
        if (exclusive) call.attributes["exclusive"] = int64_t{1};
        if (reverse) call.attributes["reverse"] = int64_t{1};
        if (coin(random)) call.inputs[1] = call.inputs[1]->cast(DType::i32).reshaped({1});
        const Array values(x);
        const Array expected = Array::made(shape, [&](const Index& at) {
          const std::vector<double> all = line(values, at, axis);
          double sum = 0;
          for (int64_t i = 0; i < std::ssize(all); ++i) {
            const int64_t ahead = reverse ? i - at[axis] : at[axis] - i;
            if (exclusive ? ahead > 0 : ahead >= 0) sum += all[static_cast<size_t>(i)];
          }
          return sum;
        });
        SCOPED_TRACE(call.describe());
        expect_close(run(call)[0], dtype, expected, 30);
      }
    }
  }
  const Tensor wrapped = run(
      {"CumSum",
       {Tensor::from<int32_t>({2}, std::vector{2147483647, 1}), Tensor::scalar(int64_t{0})}})[0];
  EXPECT_EQ(wrapped.data<int32_t>()[1], std::numeric_limits<int32_t>::min());
}

TEST(SelectOperators, CumSum_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {2, 3});
  const Tensor axis = Tensor::scalar(int64_t{0});
  expect_refused({"CumSum", {x, Tensor::scalar(int64_t{2})}}, "axis 2");
  expect_refused({"CumSum", {x, integers({0, 1})}}, "one element");
  expect_refused({"CumSum", {x, Tensor::scalar(0.0f)}}, "the axis");
  expect_refused({"CumSum", {x, axis}, {{"exclusive", int64_t{2}}}}, "exclusive");
  expect_refused({"CumSum", {x, axis}, {{"reverse", int64_t{2}}}}, "reverse");
  expect_refused({"CumSum", {x, axis}, {}, 1, "", {1}}, "the axis");
  expect_refused({"CumSum", {Tensor(DType::f16, {2}), axis}}, "input 0 is float16");
}

}  // namespace
}  // namespace betimes::graph

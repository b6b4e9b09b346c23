// MaxPool's Indices, MaxUnpool, Det, MeanVarianceNormalization.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

using UnpoolOperators = ::testing::Test;
using Ints = std::vector<int64_t>;

/// The place of coordinates in a shape; the axes from `first` on are counted backwards by columns.
double place_of(const Shape& shape, const Index& at, bool by_columns) {
  Index order = {0, 1};
  for (int64_t i = 2; i < std::ssize(shape); ++i) {
    order.push_back(by_columns ? std::ssize(shape) + 1 - i : i);
  }
  double place = 0;
  for (const int64_t axis : order) {
    const auto i = static_cast<size_t>(axis);
    place = place * static_cast<double>(shape[i]) + static_cast<double>(at[i]);
  }
  return place;
}

TEST(UnpoolOperators, MaxPool_SaysWhereTheLargestWas) {
  Random random(500);
  for (const DType dtype : types_of("MaxPool")) {
    for (int round = 0; round < 40; ++round) {
      const auto axes = static_cast<size_t>(between(random, 1, 3));
      Shape shape = {between(random, 0, 2), between(random, 1, 3)};
      Ints kernel, strides, pads(2 * axes);
      for (size_t i = 0; i < axes; ++i) {
        shape.push_back(between(random, 3, 7));
        kernel.push_back(between(random, 1, 3));
        strides.push_back(between(random, 1, 3));
        pads[i] = between(random, 0, kernel[i] - 1);
        pads[axes + i] = between(random, 0, kernel[i] - 1);
      }
      const bool by_columns = coin(random);
      const Tensor x = random_tensor(random, DType::i32, shape, 0, 4).cast(dtype);  // many equals
      Call call{"MaxPool",
                {x},
                {{"kernel_shape", kernel},
                 {"strides", strides},
                 {"pads", pads},
                 {"storage_order", int64_t{by_columns}}},
                2};
      SCOPED_TRACE(call.describe());
      const std::vector<Tensor> found = run(call);
      const Array values(x);
      const Array wanted = Array::made(found[0].shape(), [&](const Index& out) {
        double best = -1;
        double where = -1;
        each_index(kernel, [&](const Index& tap) {
          Index at = out;
          for (size_t i = 0; i < axes; ++i) at[i + 2] = out[i + 2] * strides[i] - pads[i] + tap[i];
          if (!values.inside(at) || values(at) <= best) return;
          best = values(at);
          where = place_of(shape, at, by_columns);
        });
        return where;
      });
      expect_close(found[1], DType::i64, wanted);
      call.outputs = 1;
      expect_close(found[0], dtype, Array(run(call)[0]));
    }
  }
}

TEST(UnpoolOperators, MaxPool_FindsNanAndTheLowestToo) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float low = -std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::from<float>({1, 1, 6}, std::vector<float>{low, low, 1, nan, nan, 3});
  const auto found = run({"MaxPool", {x}, {{"kernel_shape", Ints{2}}}, 2});
  EXPECT_EQ(Array(found[1]).values(), (std::vector<double>{0, 2, 3, 3, 4}));
}

TEST(UnpoolOperators, MaxUnpool_PutsBackWhatMaxPoolTook) {
  Random random(501);
  for (const DType dtype : types_of("MaxUnpool")) {
    for (int round = 0; round < 20; ++round) {
      const int64_t k = between(random, 1, 3);
      const Shape small = {between(random, 0, 2), between(random, 1, 3), between(random, 1, 4),
                           between(random, 1, 4)};
      const Shape whole = {small[0], small[1], small[2] * k, small[3] * k};
      Shape larger = whole;
      larger[2] += between(random, 0, 2), larger[3] += between(random, 0, 2);
      const Tensor x = random_tensor(random, dtype, small);
      Array indices(small);
      Array expected(larger);
      const Array values(x);
      each_index(small, [&](const Index& at) {
        const Index to = {at[0], at[1], at[2] * k + between(random, 0, k - 1),
                          at[3] * k + between(random, 0, k - 1)};
        indices(at) = place_of(whole, to, false);
        expected(to) = values(at);
      });
      Call call{"MaxUnpool",
                {x, indices.tensor(DType::i64)},
                {{"kernel_shape", Ints{k, k}}, {"strides", Ints{k, k}}}};
      if (larger != whole) call.inputs.emplace_back(integers(larger));
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, expected);
    }
  }
}

TEST(UnpoolOperators, MaxUnpool_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {1, 1, 2});
  const auto call = [&](const Tensor& indices, const Ints& kernel, const Ints& shape = {}) {
    Call made{"MaxUnpool", {x, indices}, {{"kernel_shape", kernel}}};
    if (!shape.empty()) made.inputs.emplace_back(integers(shape));
    return made;
  };
  const auto at = [](int64_t a, int64_t b) { return Tensor::from<int64_t>({1, 1, 2}, {a, b}); };
  EXPECT_EQ(run(call(at(0, 2), {2}))[0].shape(), (Shape{1, 1, 3}));
  EXPECT_THROW(run(call(at(0, 3), {2})), Error);
  EXPECT_THROW(run(call(at(-1, 2), {2})), Error);
  EXPECT_THROW(run(call(at(0, 2), {2}, {1, 1, 2})), Error);
  expect_refused(call(at(0, 1), {2, 2}), "input 0");
  expect_refused(call(at(0, 1), {0}), "kernel_shape");
  expect_refused(call(at(0, 1), {2}, {1, 2, 3}), "output_shape");
  expect_refused(call(Tensor(DType::i64, {2}), {2}), "input 1");
  expect_refused(call(Tensor(DType::i32, {1, 1, 2}), {2}), "input 1");
  Call pads = call(at(0, 1), {2});
  pads.attributes["pads"] = Ints{9, 9};
  expect_refused(pads, "pooled");
  pads.attributes["pads"] = Ints{1};
  expect_refused(pads, "1 pads");
  pads.attributes = {{"kernel_shape", Ints{2}}, {"strides", Ints{int64_t{1} << 60}}};
  expect_refused(pads, "strides");
}

/// Sum over permutations.
double leibniz(const std::vector<std::vector<double>>& m) {
  std::vector<size_t> order(m.size());
  std::iota(order.begin(), order.end(), size_t{0});
  double sum = 0;
  do {
    double product = 1;
    for (size_t i = 0; i < order.size(); ++i) {
      product *= m[i][order[i]];
      for (size_t k = 0; k < i; ++k) product *= order[k] > order[i] ? -1 : 1;
    }
    sum += product;
  } while (std::next_permutation(order.begin(), order.end()));
  return sum;
}

TEST(UnpoolOperators, Det_IsTheSumOverPermutations) {
  Random random(502);
  for (const DType dtype : types_of("Det")) {
    for (int round = 0; round < 30; ++round) {
      Shape shape = random_shape(random, random.below(3), 20);
      const Shape batch = shape;
      const int64_t n = between(random, 0, 5);
      shape.insert(shape.end(), {n, n});
      const Tensor x = random_tensor(random, DType::i32, shape, -2, 2).cast(dtype);
      const Array values(x);
      const Array expected = Array::made(batch, [&](const Index& at) {
        std::vector<std::vector<double>> m(static_cast<size_t>(n));
        for (int64_t i = 0; i < n * n; ++i) {
          Index place = at;
          place.insert(place.end(), {i / n, i % n});
          m[static_cast<size_t>(i / n)].push_back(values(place));
        }
        return leibniz(m);
      });
      SCOPED_TRACE(to_string(x.type()));
      expect_close(run({"Det", {x}})[0], dtype, expected, 100);
    }
  }
  expect_refused({"Det", {Tensor(DType::f32, {2, 3})}}, "square");
  expect_refused({"Det", {Tensor(DType::f32, {3})}}, "input 0");
}

TEST(UnpoolOperators, MeanVarianceNormalization_IsOverTheAxes) {
  Random random(503);
  for (const DType dtype : types_of("MeanVarianceNormalization")) {
    for (const Shape& shape : ugly_shapes(random)) {
      Ints axes;
      std::vector<bool> over;
      for (int64_t i = 0; i < std::ssize(shape); ++i) {
        over.push_back(coin(random));
        if (over.back()) axes.push_back(coin(random) ? i : i - std::ssize(shape));
      }
      // Otherwise only rounding is left of x - mean, and 1e-9 to divide it by.
      if (axes.empty()) continue;
      const Tensor x = random_tensor(random, dtype, shape);
      const Array values(x);
      const Array expected = Array::made(shape, [&](const Index& at) {
        std::vector<double> group;
        each_index(shape, [&](const Index& other) {
          for (size_t i = 0; i < at.size(); ++i) {
            if (!over[i] && at[i] != other[i]) return;
          }
          group.push_back(values(other));
        });
        const auto size = static_cast<double>(group.size());
        const double mean = std::accumulate(group.begin(), group.end(), 0.0) / size;
        double square = 0;
        for (const double value : group) square += (value - mean) * (value - mean);
        return (values(at) - mean) / (std::sqrt(square / size) + 1e-9);
      });
      SCOPED_TRACE(to_string(x.type()));
      expect_close(run({"MeanVarianceNormalization", {x}, {{"axes", axes}}})[0], dtype, expected,
                   10);
    }
  }
  expect_refused({"MeanVarianceNormalization", {Tensor(DType::f32, {2, 3})}}, "axis 2");
  const Tensor x(DType::f32, {2, 3, 1, 2});
  EXPECT_EQ(run({"MeanVarianceNormalization", {x}})[0].shape(), x.shape());
}

}  // namespace
}  // namespace betimes::graph

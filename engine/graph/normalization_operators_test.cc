// Normalisations, and softmax.
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

using NormalizationOperators = ::testing::Test;

constexpr double infinity = std::numeric_limits<double>::infinity();

const std::vector<Shape> channel_shapes = {
    {2, 3},    {1, 1},    {3, 5, 7},     {2, 3, 5, 2},       {0, 3, 2},
    {2, 0, 3}, {2, 3, 0}, {1, 13, 1, 1}, {2, 2, 3, 1, 2, 3}, {2, 5, 23, 19}};

TEST(NormalizationOperators, BatchNormalization_UsesTheStatisticsGiven) {
  Random random(80);
  for (const DType dtype : types_of("BatchNormalization")) {
    for (const float epsilon : {0.0f, 0.25f}) {
      for (const Shape& shape : channel_shapes) {
        const Shape channels = {shape[1]};
        const Call call{
            "BatchNormalization",
            {random_tensor(random, dtype, shape), random_tensor(random, dtype, channels),
             random_tensor(random, dtype, channels), random_tensor(random, dtype, channels),
             random_tensor(random, dtype, channels, 0.25, 4)},
            {{"momentum", 0.5f}, {"epsilon", epsilon ? epsilon : 1e-5f}}};
        const double added = epsilon ? epsilon : double{1e-5f};
        std::vector<Array> in;
        for (const auto& input : call.inputs) in.emplace_back(*input);
        const Array expected = Array::made(shape, [&](const Index& at) {
          const Index c = {at[1]};
          return (in[0](at) - in[3](c)) / std::sqrt(in[4](c) + added) * in[1](c) + in[2](c);
        });
        expect_close(run(call)[0], dtype, expected, 4);
      }
    }
  }
  const Tensor x(DType::f32, {2, 3});
  const Tensor c(DType::f32, {3});
  expect_refused({"BatchNormalization", {x, c, c, c, Tensor(DType::f32, {2})}}, "input 4 is");
  expect_refused({"BatchNormalization", {x, c, Tensor(DType::f64, {3}), c, c}}, "input 2 is");
  expect_refused({"BatchNormalization", {c, c, c, c, c}}, "dimensions");
  expect_refused({"BatchNormalization", {x, c, c, c, c}, {{"training_mode", int64_t{1}}}},
                 "training_mode");
  expect_refused({"BatchNormalization", {x, c, c, c, c}, {}, 3}, "3 outputs");
  expect_refused({"BatchNormalization", {x, c, c, c}}, "has 4 inputs");
}

struct Moments {
  double mean, variance;
};

Moments moments(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x;
  const auto count = static_cast<double>(values.size());
  double squares = 0;
  for (const double x : values) squares += (x - sum / count) * (x - sum / count);
  return {sum / count, squares / count};
}

/// The elements that share their first `axes` coordinates with `at`.
std::vector<double> siblings(const Array& x, const Index& at, size_t axes) {
  std::vector<double> values;
  each_index(x.shape(), [&](const Index& from) {
    if (std::equal(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(axes), from.begin())) {
      values.push_back(x(from));
    }
  });
  return values;
}

TEST(NormalizationOperators, InstanceNormalization_NormalizesEachPlane) {
  Random random(81);
  for (const DType dtype : types_of("InstanceNormalization")) {
    for (const Shape& shape : channel_shapes) {
      if (element_count(shape) > 500) continue;  // the reference is quadratic
      const Tensor x = random_tensor(random, dtype, shape);
      const Tensor scale = random_tensor(random, dtype, {shape[1]});
      const Tensor shift = random_tensor(random, dtype, {shape[1]});
      const bool given = coin(random);
      const Call call{"InstanceNormalization",
                      {x, scale, shift},
                      given ? Attributes{{"epsilon", 0.5f}} : Attributes{}};
      const double epsilon = given ? 0.5 : double{1e-5f};
      const Array values(x);
      const Array scales(scale);
      const Array shifts(shift);
      const Array expected = Array::made(shape, [&](const Index& at) {
        const Moments m = moments(siblings(values, at, 2));
        return (values(at) - m.mean) / std::sqrt(m.variance + epsilon) * scales({at[1]}) +
               shifts({at[1]});
      });
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, expected, 4);
    }
  }
  const Tensor x(DType::f32, {2, 3, 4});
  const Tensor c(DType::f32, {3});
  expect_refused({"InstanceNormalization", {x, c, Tensor(DType::f32, {4})}}, "input 2 is");
  expect_refused({"InstanceNormalization", {c, c, c}}, "dimensions");
}

void expect_layers(const Call& call, size_t axis, double epsilon) {
  const Tensor& input = *call.inputs[0];
  const Array x(input);
  Shape row(input.shape().begin() + static_cast<std::ptrdiff_t>(axis), input.shape().end());
  const Array scale(*call.inputs[1]);
  const Array bias(call.inputs[2] ? *call.inputs[2] : Tensor(input.dtype(), {}));
  const auto tail = [&](const Index& at) {
    return Index(at.begin() + static_cast<std::ptrdiff_t>(axis), at.end());
  };
  SCOPED_TRACE(call.describe() + " from axis " + std::to_string(axis));
  const std::vector<Tensor> found = run(call);
  expect_close(found[0], input.dtype(),
               Array::made(x.shape(),
                           [&](const Index& at) {
                             const Moments m = moments(siblings(x, at, axis));
                             const double y = (x(at) - m.mean) / std::sqrt(m.variance + epsilon);
                             return y * scale.broadcast(tail(at)) + bias.broadcast(tail(at));
                           }),
               6);
  Shape statistics = x.shape();
  std::fill(statistics.begin() + static_cast<std::ptrdiff_t>(axis), statistics.end(), 1);
  const auto statistic = [&](bool mean) {
    return Array::made(statistics, [&](const Index& at) {
      const Moments m = moments(siblings(x, at, axis));
      return mean ? m.mean : 1 / std::sqrt(m.variance + epsilon);
    });
  };
  expect_close(found[1], DType::f32, statistic(true), 2);
  expect_close(found[2], DType::f32, statistic(false), 2);
}

TEST(NormalizationOperators, LayerNormalization_NormalizesFromAnAxisOn) {
  Random random(82);
  for (const DType dtype : types_of("LayerNormalization")) {
    for (const Shape& shape : ugly_shapes(random)) {
      if (shape.empty() || element_count(shape) > 500) continue;
      const size_t axis = random.below(shape.size());
      const Shape row(shape.begin() + static_cast<std::ptrdiff_t>(axis), shape.end());
      Call call{"LayerNormalization",
                {random_tensor(random, dtype, shape),
                 random_tensor(random, dtype, broadcastable(random, row)), std::nullopt},
                {{"axis", static_cast<int64_t>(axis) - (coin(random) ? std::ssize(shape) : 0)},
                 {"epsilon", 0.125f},
                 {"stash_type", int64_t{1}}},
                3};
      if (coin(random)) call.inputs[2] = random_tensor(random, dtype, broadcastable(random, row));
      expect_layers(call, axis, 0.125);
    }
    const Tensor x = random_tensor(random, dtype, {3, 5});
    const Tensor scale = random_tensor(random, dtype, {5});
    expect_layers({"LayerNormalization", {x, scale, scale}, {}, 3}, 1, double{1e-5f});
  }
}

TEST(NormalizationOperators, LayerNormalization_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {2, 3});
  const Tensor row(DType::f32, {3});
  expect_refused({"LayerNormalization", {x, Tensor(DType::f32, {2})}}, "broadcasts to [3]");
  expect_refused({"LayerNormalization", {x, x}}, "broadcasts to [3]");
  expect_refused({"LayerNormalization", {x, row, Tensor(DType::f16, {3})}}, "input 2 is float16");
  expect_refused({"LayerNormalization", {x, row}, {{"axis", int64_t{2}}}}, "axis 2");
  expect_refused({"LayerNormalization", {x, row}, {{"stash_type", int64_t{16}}}}, "stash_type");
  expect_refused({"LayerNormalization", {Tensor::scalar(1.0f), row}}, "axis -1");
}

TEST(NormalizationOperators, LpNormalization_DividesByTheNorm) {
  Random random(87);
  for (const DType dtype : types_of("LpNormalization")) {
    for (const Shape& shape : ugly_shapes(random)) {
      if (shape.empty()) continue;
      const int64_t p = between(random, 1, 2);
      const auto rank = std::ssize(shape);
      const int64_t axis = between(random, -rank, rank - 1);
      const auto along = static_cast<size_t>(axis < 0 ? axis + rank : axis);
      const Tensor x = random_tensor(random, dtype, shape);
      const Array values(x);
      const Array expected = Array::made(shape, [&](const Index& at) {
        double sum = 0;
        Index other = at;
        for (other[along] = 0; other[along] < shape[along]; ++other[along]) {
          sum += std::pow(std::fabs(values(other)), static_cast<double>(p));
        }
        return values(at) / std::pow(sum, 1.0 / static_cast<double>(p));
      });
      const Call call{"LpNormalization", {x}, {{"p", p}, {"axis", axis}}};
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, expected, 2);
    }
  }
  const Tensor zeros(DType::f32, {2});
  expect_close(run({"LpNormalization", {zeros}})[0], DType::f32, Array(Shape{2}));
  expect_refused({"LpNormalization", {zeros}, {{"p", int64_t{3}}}}, "'p' is 3");
  expect_refused({"LpNormalization", {zeros}, {{"axis", int64_t{1}}}}, "axis 1");
  expect_refused({"LpNormalization", {Tensor(DType::f32, {})}}, "input 0");
}

TEST(NormalizationOperators, LRN_DividesByNeighbours) {
  Random random(83);
  for (const DType dtype : types_of("LRN")) {
    for (const Shape& shape : channel_shapes) {
      for (const int64_t size : {1, 2, 3, 4, 9}) {
        const Tensor x = random_tensor(random, dtype, shape);
        Call call{"LRN", {x}, {{"size", size}}};
        const bool given = size % 2;
        if (given) call.attributes.insert({{"alpha", 0.5f}, {"beta", 1.25f}, {"bias", 2.0f}});
        const double alpha = given ? 0.5 : double{1e-4f};
        const double beta = given ? 1.25 : 0.75;
        const double bias = given ? 2 : 1;
        const Array values(x);
        const Array expected = Array::made(shape, [&](const Index& at) {
          // From c - floor((size - 1) / 2) to c + ceil((size - 1) / 2).
          const double half = (static_cast<double>(size) - 1) / 2;
          double squares = 0;
          Index from = at;
          for (from[1] = 0; from[1] < shape[1]; ++from[1]) {
            const auto off = static_cast<double>(from[1] - at[1]);
            if (off >= -std::floor(half) && off <= std::ceil(half)) {
              squares += values(from) * values(from);
            }
          }
          return values(at) / std::pow(bias + alpha / static_cast<double>(size) * squares, beta);
        });
        expect_close(run(call)[0], dtype, expected, 3);
      }
    }
  }
  const Tensor x(DType::f32, {2, 3});
  expect_refused({"LRN", {x}}, "'size' is missing");
  expect_refused({"LRN", {x}, {{"size", int64_t{0}}}}, "'size' is 0");
  expect_refused({"LRN", {Tensor(DType::f32, {3})}, {{"size", int64_t{1}}}}, "dimensions");
}

/// e^x over the sum of it along the axis, or its logarithm.
Array softmax(const Array& x, size_t axis, bool logarithm) {
  return Array::made(x.shape(), [&](const Index& at) {
    double sum = 0;
    Index from = at;
    for (from[axis] = 0; from[axis] < x.extent(axis); ++from[axis]) {
      sum += std::exp(x(from) - x(at));
    }
    return logarithm ? -std::log(sum) : 1 / sum;
  });
}

void expect_softmax(const std::string& op) {
  Random random(84);
  const bool logarithm = op == "LogSoftmax";
  for (const DType dtype : types_of(op)) {
    for (const Shape& shape : ugly_shapes(random)) {
      if (shape.empty()) continue;
      const size_t axis = random.below(shape.size());
      const Tensor x = random_tensor(random, dtype, shape);
      const int64_t given = static_cast<int64_t>(axis) - (coin(random) ? std::ssize(shape) : 0);
      const Call call{op, {x}, {{"axis", given}}};
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, softmax(Array(x), axis, logarithm), 2);
      expect_close(run({op, {x}})[0], dtype, softmax(Array(x), shape.size() - 1, logarithm), 2);
    }
    // Far from 0, where e^x alone would overflow; and at infinities.
    const Tensor far = Tensor::from<double>({2, 2}, {5000, 4999, -5000, -4999}).cast(DType::f64);
    if (dtype == DType::f64)
      expect_close(run({op, {far}})[0], dtype, softmax(Array(far), 1, logarithm));
    const Tensor edge = Tensor::from<double>({2}, {-infinity, 1}).cast(dtype);
    EXPECT_EQ(Array(run({op, {edge}})[0]).values(),
              (std::vector<double>{logarithm ? -infinity : 0, logarithm ? 0.0 : 1.0}));
  }
  const Tensor x(DType::f32, {2, 3});
  expect_refused({op, {x}, {{"axis", int64_t{2}}}}, "axis 2");
  expect_refused({op, {x}, {{"axis", int64_t{-3}}}}, "axis -3");
  expect_refused({op, {Tensor::scalar(1.0f)}}, "axis -1");
  expect_refused({op, {Tensor(DType::i32, {2})}}, "input 0 is int32");
}

TEST(NormalizationOperators, Softmax_SumsToOne) { expect_softmax("Softmax"); }
TEST(NormalizationOperators, LogSoftmax_IsItsLogarithm) { expect_softmax("LogSoftmax"); }

}  // namespace
}  // namespace betimes::graph

// Operators of domain com.microsoft that transformers carry, against their definitions in double
// precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "betimes/base/error.h"
#include "betimes/import/testing/contrib.h"

namespace betimes::import {
namespace {

using namespace graph::testing;
using samples::computed;
using samples::expect_refused;
using samples::Written;

Tensor reals(Random& random, const Shape& shape) {
  return random_tensor(random, DType::f32, shape);
}

double exact_gelu(double x) { return x * (1 + std::erf(x / std::numbers::sqrt2)) / 2; }
double tanh_gelu(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

/// `op` computes f(x), or f(x + bias) with a second input.
template <class F>
void expect_activation(const std::string& op, bool plain, bool biased, F&& f) {
  Random random(210);
  for (const Shape& shape : ugly_shapes(random)) {
    const Tensor x = reals(random, shape);
    const Tensor b = reals(random, {shape.empty() ? 1 : shape.back()});
    SCOPED_TRACE(op + " of " + to_string(shape));
    if (plain) {
      const Array expected = Array::made(shape, [&](const Index& at) { return f(Array(x)(at)); });
      expect_close(computed({op, {x}}).at(0), DType::f32, expected, 4);
    }
    if (!biased || shape.empty()) continue;
    const Array expected = Array::made(
        shape, [&](const Index& at) { return f(Array(x)(at) + Array(b)({at.back()})); });
    expect_close(computed({op, {x, b}}).at(0), DType::f32, expected, 4);
  }
}

TEST(OnnxTransformer, GelusAreWrittenOut) {
  expect_activation("Gelu", true, false, exact_gelu);
  expect_activation("BiasGelu", false, true, exact_gelu);
  expect_activation("FastGelu", true, true, tanh_gelu);
  expect_activation("QuickGelu", true, false,
                    [](double x) { return x / (1 + std::exp(-1.702 * x)); });
  expect_refused({"BiasGelu", {Tensor(DType::f32, {2})}}, "required input 1 is absent");
}

/// Element [batch..., row, column] of an operand of FusedMatMul, wherever it lies.
double operand(const Array& x, Index at, bool last, bool batch) {
  if (last) std::swap(at[at.size() - 1], at[at.size() - 2]);
  // Stored with what is the last axis but one in front of the batch.
  if (batch) std::rotate(at.begin(), at.end() - 2, at.end() - 1);
  return x(at);
}

Shape stored(Shape shape, bool last, bool batch) {
  if (last) std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  if (batch) std::rotate(shape.begin(), shape.end() - 2, shape.end() - 1);
  return shape;
}

TEST(OnnxTransformer, FusedMatMulTransposesAndScales) {
  Random random(211);
  for (int i = 0; i < 200; ++i) {
    const bool ta = coin(random), tb = coin(random), ba = coin(random), bb = coin(random);
    Shape batch = random_shape(random, static_cast<size_t>(between(random, 0, 3)), 20);
    const int64_t m = between(random, 1, 5), k = between(random, 1, 7), n = between(random, 1, 4);
    Shape left = batch, right = batch, out = batch;
    left.insert(left.end(), {m, k});
    right.insert(right.end(), {k, n});
    out.insert(out.end(), {m, n});
    const Tensor a = reals(random, stored(left, ta, ba));
    const Tensor b = reals(random, stored(right, tb, bb));
    const float alpha = coin(random) ? 1.0f : 0.125f;
    const Array expected = Array::made(out, [&](const Index& at) {
      double sum = 0;
      for (int64_t j = 0; j < k; ++j) {
        Index row = at, column = at;
        row[row.size() - 1] = j;
        column[column.size() - 2] = j;
        sum += operand(Array(a), row, ta, ba) * operand(Array(b), column, tb, bb);
      }
      return alpha * sum;
    });
    const auto flag = [](bool set) { return int64_t{set}; };
    const Written call{"FusedMatMul",
                       {a, b},
                       {{"alpha", alpha},
                        {"transA", flag(ta)},
                        {"transB", flag(tb)},
                        {"transBatchA", flag(ba)},
                        {"transBatchB", flag(bb)}}};
    SCOPED_TRACE(to_string(a.type()) + " by " + to_string(b.type()));
    expect_close(computed(call).at(0), DType::f32, expected, 20);
  }
  const Tensor x = Tensor::from<float>({2}, std::vector<float>{2, 3});
  const Written vector{"FusedMatMul", {x, x}, {{"transA", int64_t{1}}}};
  expect_close(computed(vector).at(0), DType::f32, Array(Shape{}, 13));
  Written unknown{"FusedMatMul", {x, x}, {{"transA", int64_t{1}}}};
  unknown.shaped = false;
  expect_refused(unknown, "rank isn't known");
}

/// What is done to each row of the last `axes` axes: f(row) of as many numbers.
template <class F>
Array by_rows(const Array& x, size_t axes, F&& f) {
  const auto split = x.shape().end() - static_cast<std::ptrdiff_t>(axes);
  const Shape outer(x.shape().begin(), split);
  const Shape inner(split, x.shape().end());
  Array result(x.shape());
  each_index(outer, [&](const Index& row) {
    std::vector<double> values;
    const auto place = [&](const Index& at) {
      Index whole = row;
      whole.insert(whole.end(), at.begin(), at.end());
      return whole;
    };
    each_index(inner, [&](const Index& at) { values.push_back(x(place(at))); });
    const std::vector<double> made = f(values);
    size_t i = 0;
    each_index(inner, [&](const Index& at) { result(place(at)) = made[i++]; });
  });
  return result;
}

struct Statistics {
  double mean = 0;
  double inverse = 0;  // 1 / sqrt(variance + epsilon), of the mean square where `centred` is false
};

Statistics statistics(const std::vector<double>& row, double epsilon, bool centred) {
  const auto n = static_cast<double>(row.size());
  Statistics s;
  for (const double x : row) s.mean += x / n;
  double squares = 0;
  for (const double x : row) squares += centred ? (x - s.mean) * (x - s.mean) : x * x;
  s.inverse = 1 / std::sqrt(squares / n + epsilon);
  return s;
}

Array normalized(const Array& x, size_t axes, double epsilon, bool centred) {
  return by_rows(x, axes, [&](std::vector<double> row) {
    const Statistics s = statistics(row, epsilon, centred);
    for (double& value : row) value = (value - (centred ? s.mean : 0)) * s.inverse;
    return row;
  });
}

/// gamma y + beta along the last axis.
Array scaled(const Array& y, const Tensor& gamma, const std::optional<Tensor>& beta) {
  return Array::made(y.shape(), [&](const Index& at) {
    return y(at) * Array(gamma)({at.back()}) + (beta ? Array(*beta)({at.back()}) : 0);
  });
}

Array sum_of(const Shape& shape, const std::vector<std::optional<Tensor>>& terms) {
  return Array::made(shape, [&](const Index& at) {
    double sum = 0;
    for (const auto& term : terms) sum += term ? Array(*term).broadcast(at) : 0;
    return sum;
  });
}

/// One statistic of each row, where a row's elements stand in `y`.
Array each_row(const Array& x, double epsilon, bool centred, bool inverse) {
  Shape shape = x.shape();
  shape.back() = 1;
  return Array::made(shape, [&](Index at) {
    std::vector<double> row;
    for (at.back() = 0; at.back() < x.shape().back(); ++at.back()) row.push_back(x(at));
    const Statistics s = statistics(row, epsilon, centred);
    return inverse ? s.inverse : s.mean;
  });
}

TEST(OnnxTransformer, SkipLayerNormalizationNormalizesASum) {
  Random random(212);
  for (int i = 0; i < 60; ++i) {
    const Shape shape = {between(random, 1, 3), between(random, 1, 5), between(random, 2, 13)};
    const Shape skips[] = {shape, {1, shape[1], shape[2]}, {shape[1], shape[2]}};
    const Tensor x = reals(random, shape);
    const Tensor skip = reals(random, skips[random.below(3)]);
    const Tensor gamma = reals(random, {shape[2]});
    std::optional<Tensor> beta, bias;
    if (coin(random)) beta = reals(random, {shape[2]});
    if (coin(random)) bias = reals(random, {shape[2]});
    const bool default_epsilon = coin(random);
    Written call{"SkipLayerNormalization", {x, skip, gamma, beta, bias}};
    if (!default_epsilon) call.attributes["epsilon"] = 0.01f;
    const double epsilon = default_epsilon ? 1e-12 : 0.01f;
    call.outputs = {true, coin(random), coin(random), coin(random)};
    const auto found = computed(call);
    const Array sum = sum_of(shape, {x, skip, bias});
    const Array expected = scaled(normalized(sum, 1, epsilon, true), gamma, beta);
    expect_close(found.at(0), DType::f32, expected, 400);
    if (found.contains(1)) {
      expect_close(found.at(1), DType::f32, each_row(sum, epsilon, true, false), 4);
    }
    if (found.contains(2)) {
      expect_close(found.at(2), DType::f32, each_row(sum, epsilon, true, true), 400);
    }
    if (found.contains(3)) expect_close(found.at(3), DType::f32, sum, 2);
  }
  const Tensor x(DType::f32, {1, 2, 3});
  expect_refused({"SkipLayerNormalization", {x, x}}, "required input 2 is absent");
}

TEST(OnnxTransformer, SkipSimplifiedLayerNormalizationDividesByTheRootMeanSquare) {
  Random random(213);
  for (int i = 0; i < 40; ++i) {
    const Shape shape = {between(random, 1, 3), between(random, 1, 5), between(random, 1, 13)};
    const Tensor x = reals(random, shape);
    const Tensor skip = reals(random, shape);
    const Tensor gamma = reals(random, {shape[2]});
    std::optional<Tensor> bias;
    if (coin(random)) bias = reals(random, {shape[2]});
    const Written call{"SkipSimplifiedLayerNormalization",
                       {x, skip, gamma, bias},
                       {{"epsilon", 0.01f}},
                       {true, false, coin(random), coin(random)}};
    const auto found = computed(call);
    const Array sum = sum_of(shape, {x, skip, bias});
    expect_close(found.at(0), DType::f32,
                 scaled(normalized(sum, 1, 0.01f, false), gamma, std::nullopt), 20);
    if (found.contains(2)) {
      expect_close(found.at(2), DType::f32, each_row(sum, 0.01f, false, true), 20);
    }
    if (found.contains(3)) expect_close(found.at(3), DType::f32, sum, 2);
  }
  const Tensor x(DType::f32, {1, 2, 3});
  expect_refused({"SkipSimplifiedLayerNormalization", {x, x, x}, {}, {true, true}}, "'mean'");
}

TEST(OnnxTransformer, SimplifiedLayerNormalizationTakesItsAxis) {
  Random random(214);
  for (int i = 0; i < 60; ++i) {
    const Shape shape = {between(random, 1, 3), between(random, 1, 5), between(random, 1, 7)};
    const int64_t axis = between(random, -3, 2);
    const size_t axes = static_cast<size_t>(axis < 0 ? -axis : 3 - axis);
    const Tensor x = reals(random, shape);
    const Tensor gamma =
        reals(random, Shape(shape.end() - static_cast<std::ptrdiff_t>(axes), shape.end()));
    Written call{"SimplifiedLayerNormalization", {x, gamma}, {{"axis", axis}}, {true}, ""};
    call.attributes["stash_type"] = int64_t{1};
    const Array plain = normalized(Array(x), axes, 1e-5f, false);
    const Array expected =
        Array::made(shape, [&](const Index& at) { return plain(at) * Array(gamma).broadcast(at); });
    expect_close(computed(call).at(0), DType::f32, expected, 20);
  }
  const Tensor x(DType::f32, {2, 3});
  expect_refused({"SimplifiedLayerNormalization", {x, x}, {{"axis", int64_t{2}}}, {true}, ""},
                 "axis 2");
  Written unknown{"SimplifiedLayerNormalization", {x, x}, {{"axis", int64_t{0}}}, {true}, ""};
  unknown.shaped = false;
  expect_refused(unknown, "rank that isn't known");
}

TEST(OnnxTransformer, EmbedLayerNormalizationAddsRowsOfTables) {
  Random random(215);
  for (int i = 0; i < 60; ++i) {
    const int64_t batch = between(random, 1, 3), length = between(random, 1, 6);
    const int64_t hidden = between(random, 2, 9), longest = length + between(random, 0, 3);
    const Shape tokens = {batch, length};
    const Tensor ids = random_tensor(random, DType::i32, tokens, 0, 6);
    const Tensor words = reals(random, {7, hidden});
    const Tensor places = reals(random, {longest, hidden});
    const Tensor gamma = reals(random, {hidden});
    const Tensor beta = reals(random, {hidden});
    std::optional<Tensor> segment_ids, segments, mask, positions;
    if (coin(random)) {
      segment_ids = random_tensor(random, DType::i32, tokens, 0, 1);
      segments = reals(random, {2, hidden});
    }
    if (coin(random)) mask = random_tensor(random, DType::i32, tokens, 0, 1);
    if (coin(random)) {
      positions = random_tensor(random, DType::i32, {coin(random) ? batch : 1, length}, 0,
                                static_cast<double>(longest - 1));
    }
    const auto found =
        computed({"EmbedLayerNormalization",
                  {ids, segment_ids, words, places, segments, gamma, beta, mask, positions},
                  {{"epsilon", 0.01f}},
                  {true, true, true}});
    const auto row = [](const Tensor& table, const Tensor& index, const Index& at) {
      const auto line = static_cast<int64_t>(Array(index).broadcast({at[0], at[1]}));
      return Array(table)({line, at[2]});
    };
    const Array sum = Array::made({batch, length, hidden}, [&](const Index& at) {
      double value = row(words, ids, at);
      value += positions ? row(places, *positions, at) : Array(places)({at[1], at[2]});
      return value + (segments ? row(*segments, *segment_ids, at) : 0);
    });
    expect_close(found.at(0), DType::f32, scaled(normalized(sum, 1, 0.01f, true), gamma, beta), 40);
    const Array lengths = Array::made({batch}, [&](const Index& at) {
      double ones = 0;
      for (int64_t k = 0; mask && k < length; ++k) ones += Array(*mask)({at[0], k});
      return ones;
    });
    expect_close(found.at(1), DType::i32, lengths);
    expect_close(found.at(2), DType::f32, sum, 2);
  }
}

}  // namespace
}  // namespace betimes::import

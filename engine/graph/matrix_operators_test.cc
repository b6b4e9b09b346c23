// MatMul and Gemm.
#include <gtest/gtest.h>

#include <algorithm>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

using MatrixOperators = ::testing::Test;

struct Product {
  Shape a, b, y;
};

/// The sum over k of a[..., i, k] b[..., k, j]; 1-D operands have neither batch nor i or j.
Array multiplied(const Product& product, const Array& a, const Array& b) {
  const bool row = product.a.size() == 1;
  const bool column = product.b.size() == 1;
  return Array::made(product.y, [&](const Index& at) {
    Index batch(at.begin(), at.end() - (row ? 0 : 1) - (column ? 0 : 1));
    double sum = 0;
    for (int64_t k = 0; k < product.a.back(); ++k) {
      Index left = batch;
      left.insert(left.end(), {row ? 0 : at[batch.size()], k});
      Index right = batch;
      right.insert(right.end(), {k, column ? 0 : at.back()});
      if (row) left = {k};
      if (column) right = {k};
      sum += (row ? a(left) : a.broadcast(left)) * (column ? b(right) : b.broadcast(right));
    }
    return sum;
  });
}

const std::vector<Product> products = {
    {{3, 5}, {5, 7}, {3, 7}},
    {{1, 1}, {1, 1}, {1, 1}},
    {{5}, {5}, {}},
    {{5}, {5, 3}, {3}},
    {{3, 5}, {5}, {3}},
    {{2, 3, 5}, {5}, {2, 3}},
    {{5}, {2, 5, 3}, {2, 3}},
    {{2, 3, 5}, {2, 5, 7}, {2, 3, 7}},
    {{2, 1, 3, 5}, {3, 5, 2}, {2, 3, 3, 2}},
    {{3, 5}, {2, 7, 5, 1}, {2, 7, 3, 1}},
    {{2, 1, 2, 1, 3, 2}, {2, 1, 3, 2, 2}, {2, 2, 2, 3, 3, 2}},
    {{3, 0}, {0, 5}, {3, 5}},
    {{0}, {0}, {}},
    {{0, 5}, {5, 3}, {0, 3}},
    {{3, 5}, {5, 0}, {3, 0}},
    {{0, 3, 5}, {1, 5, 2}, {0, 3, 2}},
    {{2, 3, 0}, {0, 4}, {2, 3, 4}},
    {{61, 47}, {47, 53}, {61, 53}},
};

TEST(MatrixOperators, MatMul_IsNumpysProduct) {
  Random random(70);
  for (const DType dtype : types_of("MatMul")) {
    for (const Product& product : products) {
      const Tensor a = random_tensor(random, dtype, product.a);
      const Tensor b = random_tensor(random, dtype, product.b);
      const Call call{"MatMul", {a, b}};
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, multiplied(product, Array(a), Array(b)), 20);
    }
  }
}

TEST(MatrixOperators, MatMul_OfIntegersIsExactAndWrapsAround) {
  const int64_t large = 9007199254740993;
  const Tensor a = Tensor::from<int64_t>({1, 2}, std::vector<int64_t>{large, -1});
  EXPECT_EQ(run({"MatMul", {a, integers({1, 1})}})[0].data<int64_t>()[0], large - 1);
  const Tensor b = Tensor::from<int32_t>({1}, std::vector<int32_t>{1 << 30});
  EXPECT_EQ(run({"MatMul", {b, Tensor::from<int32_t>({1}, std::vector<int32_t>{4})}})[0]
                .data<int32_t>()[0],
            0);
}

TEST(MatrixOperators, MatMul_RefusesWhatDoesNotFit) {
  const auto refuse = [](const Shape& a, const Shape& b, const std::string& reason) {
    expect_refused({"MatMul", {Tensor(DType::f32, a), Tensor(DType::f32, b)}}, reason);
  };
  refuse({2, 3}, {2, 3}, "3 as the extent that both share");
  refuse({3}, {2}, "3 as the extent");
  refuse({}, {1}, "dimensions");
  refuse({1}, {}, "dimensions");
  refuse({2, 1, 1}, {3, 1, 1}, "broadcasts");
  expect_refused({"MatMul", {Tensor(DType::f32, {1}), Tensor(DType::f64, {1})}}, "float64");
  expect_refused({"MatMul", {Tensor(DType::i8, {1}), Tensor(DType::i8, {1})}}, "input 0 is int8");
}

struct GemmCase {
  int64_t m, k, n;
  std::optional<Shape> c;
  float alpha = 1;
  float beta = 1;
};

const std::vector<GemmCase> gemms = {
    {3, 5, 7, std::nullopt},
    {3, 5, 7, Shape{3, 7}, 0.5f, 2},
    {3, 5, 7, Shape{7}, 1, -0.25f},
    {3, 5, 7, Shape{1, 7}},
    {3, 5, 7, Shape{3, 1}, -2},
    {3, 5, 7, Shape{1, 1}},
    {3, 5, 7, Shape{1}, 1, 0},
    {3, 5, 7, Shape{}, 0},
    {1, 1, 1, Shape{1, 1}, 3, 3},
    {3, 0, 2, Shape{2}, 1, 2},
    {0, 3, 2, Shape{2}},
    {2, 3, 0, std::nullopt},
    {43, 37, 41, Shape{43, 1}, 1.5f},
};

TEST(MatrixOperators, Gemm_ScalesTransposesAndAdds) {
  Random random(71);
  for (const DType dtype : types_of("Gemm")) {
    for (const GemmCase& c : gemms) {
      for (int bits = 0; bits < 4; ++bits) {
        const bool ta = bits & 1;
        const bool tb = bits & 2;
        const Tensor a = random_tensor(random, dtype, ta ? Shape{c.k, c.m} : Shape{c.m, c.k});
        const Tensor b = random_tensor(random, dtype, tb ? Shape{c.n, c.k} : Shape{c.k, c.n});
        Call call{"Gemm",
                  {a, b},
                  {{"transA", int64_t{ta}},
                   {"transB", int64_t{tb}},
                   {"alpha", c.alpha},
                   {"beta", c.beta}}};
        if (c.c) call.inputs.push_back(random_tensor(random, dtype, *c.c));
        const Array left(a);
        const Array right(b);
        const Array added(c.c ? *call.inputs[2] : Tensor(dtype, {}));
        const Array expected = Array::made({c.m, c.n}, [&](const Index& at) {
          double sum = 0;
          for (int64_t l = 0; l < c.k; ++l) {
            sum += left(ta ? Index{l, at[0]} : Index{at[0], l}) *
                   right(tb ? Index{at[1], l} : Index{l, at[1]});
          }
          return double{c.alpha} * sum + double{c.beta} * added.broadcast(at);
        });
        SCOPED_TRACE(call.describe());
        expect_close(run(call)[0], dtype, expected, 20);
      }
    }
  }
}

TEST(MatrixOperators, Gemm_RefusesWhatDoesNotFit) {
  const Tensor a(DType::f32, {2, 3});
  const Tensor b(DType::f32, {3, 4});
  expect_refused({"Gemm", {a, a}}, "3 as the extent that both share");
  expect_refused({"Gemm", {a, b}, {{"transA", int64_t{1}}}}, "2 as the extent");
  expect_refused({"Gemm", {a, b}, {{"transA", int64_t{2}}}}, "'transA' is 2");
  expect_refused({"Gemm", {Tensor(DType::f32, {3}), b}}, "2 dimensions");
  expect_refused({"Gemm", {a, Tensor(DType::f32, {3})}}, "2 dimensions");
  expect_refused({"Gemm", {a, b, Tensor(DType::f32, {2})}}, "broadcasts to [2, 4]");
  expect_refused({"Gemm", {a, b, Tensor(DType::f32, {1, 2, 4})}}, "broadcasts to");
  expect_refused({"Gemm", {a, b, Tensor(DType::f64, {4})}}, "input 2 is float64");
  expect_refused({"Gemm", {a, Tensor(DType::f64, {3, 4})}}, "input 1 is float64");
  expect_refused({"Gemm", {a, b}, {{"alpha", int64_t{1}}}}, "'alpha'");
}

}  // namespace
}  // namespace betimes::graph

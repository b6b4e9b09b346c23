// MatMulInteger and ConvInteger: the same operators on numbers less their zero points.
#include <gtest/gtest.h>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

/// The tensor less its zero points, which lie along `axis`, in double.
Array centred(const Tensor& tensor, const std::optional<Tensor>& zeros, size_t axis) {
  const Array values(tensor);
  if (!zeros) return values;
  const Array flat(zeros->reshaped({zeros->size()}));
  return Array::made(tensor.shape(), [&](const Index& at) {
    return values(at) - flat({flat.extent(0) == 1 ? 0 : at[axis]});
  });
}

std::optional<Tensor> random_zeros(Random& random, DType dtype, int64_t each) {
  if (random.below(3) == 0) return std::nullopt;
  const Shape shape = each > 1 && coin(random) ? Shape{each} : Shape{};
  return random_tensor(random, dtype, shape, -20, 20);
}

Tensor random_bytes(Random& random, DType dtype, const Shape& shape) {
  return random_tensor(random, dtype, shape, -128, dtype == DType::u8 ? 255 : 127);
}

const std::vector<DType> byte_types = {DType::u8, DType::i8};

TEST(IntegerOperators, MatMulInteger_SumsWholeNumbers) {
  Random random(150);
  for (const DType a_type : byte_types) {
    for (const DType b_type : byte_types) {
      for (int round = 0; round < 20; ++round) {
        const int64_t m = between(random, 0, 5);
        const int64_t k = between(random, 0, 11);
        const int64_t n = between(random, 1, 5);
        const Tensor a = random_bytes(random, a_type, {m, k});
        const Tensor b = random_bytes(random, b_type, {k, n});
        const auto a_zeros = random_zeros(random, a_type, m);
        const auto b_zeros = random_zeros(random, b_type, n);
        const Call call{"MatMulInteger", {a, b, a_zeros, b_zeros}};
        SCOPED_TRACE(call.describe());
        const Array left = centred(a, a_zeros, 0);
        const Array right = centred(b, b_zeros, 1);
        const Array expected = Array::made({m, n}, [&](const Index& at) {
          double sum = 0;
          for (int64_t l = 0; l < k; ++l) sum += left({at[0], l}) * right({l, at[1]});
          return sum;
        });
        expect_close(run(call)[0], DType::i32, expected);
      }
    }
  }
  const Tensor a(DType::u8, {2, 3});
  expect_refused({"MatMulInteger", {a, Tensor(DType::u8, {2, 3})}}, "input 1");
  expect_refused({"MatMulInteger", {a, Tensor(DType::i32, {3, 2})}}, "input 1");
  expect_refused({"MatMulInteger", {a, Tensor(DType::i8, {3, 2}), Tensor(DType::i8, {})}}, "uint8");
  expect_refused({"MatMulInteger", {a, Tensor(DType::i8, {3, 2}), Tensor(DType::u8, {3})}},
                 "input 2");
}

TEST(IntegerOperators, ConvInteger_SumsWholeNumbers) {
  Random random(151);
  for (const DType x_type : byte_types) {
    for (const DType w_type : byte_types) {
      for (int round = 0; round < 20; ++round) {
        const int64_t groups = between(random, 1, 2);
        const int64_t in = between(random, 1, 3);
        const int64_t out = between(random, 1, 3) * groups;
        const int64_t kernel = between(random, 1, 3);
        const int64_t stride = between(random, 1, 2);
        const int64_t pad = between(random, 0, kernel - 1);
        const Tensor x = random_bytes(random, x_type, {between(random, 1, 2), in * groups, 5, 6});
        const Tensor w = random_bytes(random, w_type, {out, in, kernel, kernel});
        const auto x_zero = random_zeros(random, x_type, 1);
        const auto w_zeros = random_zeros(random, w_type, out);
        const Call call{"ConvInteger",
                        {x, w, x_zero, w_zeros},
                        {{"group", groups},
                         {"strides", std::vector<int64_t>{stride, stride}},
                         {"pads", std::vector<int64_t>(4, pad)}}};
        SCOPED_TRACE(call.describe());
        const Array image = centred(x, x_zero, 0);
        const Array weights = centred(w, w_zeros, 0);
        const Shape shape = {x.shape()[0], out, (5 + 2 * pad - kernel) / stride + 1,
                             (6 + 2 * pad - kernel) / stride + 1};
        const Array expected = Array::made(shape, [&](const Index& at) {
          double sum = 0;
          each_index({in, kernel, kernel}, [&](const Index& tap) {
            const Index from = {at[0], at[1] / (out / groups) * in + tap[0],
                                at[2] * stride - pad + tap[1], at[3] * stride - pad + tap[2]};
            if (image.inside(from)) sum += image(from) * weights({at[1], tap[0], tap[1], tap[2]});
          });
          return sum;
        });
        expect_close(run(call)[0], DType::i32, expected);
      }
    }
  }
  const Tensor x(DType::u8, {1, 2, 4, 4});
  expect_refused({"ConvInteger", {x, Tensor(DType::u8, {3, 3, 1, 1})}}, "input 1");
  expect_refused({"ConvInteger", {x, Tensor(DType::f32, {3, 2, 1, 1})}}, "input 1");
  expect_refused({"ConvInteger", {x, Tensor(DType::u8, {3, 2, 1, 1}), Tensor(DType::u8, {2})}},
                 "input 2");
}

}  // namespace
}  // namespace betimes::graph

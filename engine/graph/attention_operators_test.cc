#include <gtest/gtest.h>

#include <numeric>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;
using BetimesOperators = ::testing::Test;
using Ints = std::vector<int64_t>;

Ints random_order(Random& random, size_t rank) {
  Ints order(rank);
  std::iota(order.begin(), order.end(), int64_t{0});
  for (size_t i = rank; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

/// The array whose transpose by `order` is `wanted`, as a tensor.
Tensor stored(const Array& wanted, const Ints& order) {
  Shape shape(order.size());
  for (size_t i = 0; i < order.size(); ++i) shape[static_cast<size_t>(order[i])] = wanted.extent(i);
  return Array::made(shape,
                     [&](const Index& at) {
                       Index from(order.size());
                       for (size_t i = 0; i < order.size(); ++i)
                         from[i] = at[static_cast<size_t>(order[i])];
                       return wanted(from);
                     })
      .tensor(DType::f32);
}

/// Q, K, V and perhaps a mask after their transposes; Q has all heads, the others may repeat.
struct Operands {
  std::vector<Array> arrays;

  Operands(Random& random, size_t rank) {
    const auto some = [&] { return between(random, 1, 5); };
    Shape heads;
    for (size_t i = 0; i + 2 < rank; ++i) heads.push_back(some());
    const int64_t queries = some(), keys = some(), depth = some(), value_depth = some();
    const auto of = [&](bool repeats, int64_t rows, int64_t columns) {
      Shape shape = heads;
      for (int64_t& extent : shape) extent = repeats && coin(random) ? 1 : extent;
      shape.insert(shape.end(), {rows, columns});
      arrays.emplace_back(random_tensor(random, DType::f32, shape, -1, 1));
    };
    of(false, queries, depth);
    of(true, keys, depth);
    of(true, keys, value_depth);
    if (coin(random)) of(true, coin(random) ? queries : 1, coin(random) ? keys : 1);
  }

  Array attended(double scale) const {
    Shape shape = arrays[0].shape();
    shape.back() = arrays[2].shape().back();
    return Array::made(shape, [&](const Index& at) {
      const int64_t keys = arrays[1].extent(shape.size() - 2);
      const auto place = [&](int64_t row, int64_t column) {
        Index index = at;
        index[at.size() - 2] = row;
        index[at.size() - 1] = column;
        return index;
      };
      const int64_t row = at[at.size() - 2];
      std::vector<double> weight;
      for (int64_t j = 0; j < keys; ++j) {
        double score = 0;
        for (int64_t d = 0; d < arrays[0].shape().back(); ++d) {
          score += arrays[0](place(row, d)) * arrays[1].broadcast(place(j, d)) * scale;
        }
        if (arrays.size() > 3) score += arrays[3].broadcast(place(row, j));
        weight.push_back(std::exp(score));
      }
      double sum = 0;
      for (int64_t j = 0; j < keys; ++j) {
        sum += weight[static_cast<size_t>(j)] * arrays[2].broadcast(place(j, at.back()));
      }
      return sum / std::accumulate(weight.begin(), weight.end(), 0.0);
    });
  }
};

TEST(BetimesOperators, Attention_IsTheSoftmaxOfTheScoresTimesTheValues) {
  Random random(130);
  for (int round = 0; round < 60; ++round) {
    const size_t rank = 2 + static_cast<size_t>(round) % 4;
    const Operands operands(random, rank);
    Call call{"Attention", {}, {{"scale", 0.5f}}, 1, "betimes"};
    const char* names[] = {"query_order", "key_order", "value_order"};
    for (size_t i = 0; i < operands.arrays.size(); ++i) {
      const Ints identity = [&] {
        Ints order(operands.arrays[i].shape().size());
        std::iota(order.begin(), order.end(), int64_t{0});
        return order;
      }();
      const Ints order = i < 3 && coin(random) ? random_order(random, rank) : identity;
      if (i < 3 && order != identity) call.attributes[names[i]] = order;
      call.inputs.emplace_back(stored(operands.arrays[i], order));
    }
    const Ints order = random_order(random, rank);
    call.attributes["output_order"] = order;
    const Array right = operands.attended(0.5);
    Shape shape;
    for (const int64_t axis : order) shape.push_back(right.extent(static_cast<size_t>(axis)));
    const Array expected = Array::made(shape, [&](const Index& at) {
      Index from(rank);
      for (size_t i = 0; i < rank; ++i) from[static_cast<size_t>(order[i])] = at[i];
      return right(from);
    });
    SCOPED_TRACE(call.describe());
    expect_close(run(call)[0], DType::f32, expected, 5);
  }
}

TEST(BetimesOperators, Attention_RefusesWhatDoesNotFit) {
  const auto made = [](std::vector<std::optional<Tensor>> inputs, Attributes attributes = {}) {
    return Call{"Attention", std::move(inputs), std::move(attributes), 1, "betimes"};
  };
  const auto f32 = [](const Shape& shape) { return Tensor(DType::f32, shape); };
  const Tensor q = f32({2, 3, 4}), k = f32({2, 5, 4}), v = f32({2, 5, 6});
  EXPECT_NO_THROW(run(made({q, k, v})));
  EXPECT_NO_THROW(run(made({q, k, v, f32({3, 5})})));
  EXPECT_NO_THROW(run(made({f32({2, 0, 4}), k, v})));
  expect_refused(made({q, f32({2, 5, 3}), v}), "columns");
  expect_refused(made({q, k, f32({2, 4, 6})}), "rows");
  expect_refused(made({q, f32({2, 0, 4}), f32({2, 0, 6})}), "at least one key");
  expect_refused(made({q, f32({3, 5, 4}), v}), "heads");
  expect_refused(made({q, f32({5, 4}), v}), "input 1");
  expect_refused(made({q, k, v, f32({4, 5})}), "input 3");
  expect_refused(made({q, k, v, f32({1, 1, 3, 5})}), "input 3");
  expect_refused(made({q, k, v, Tensor(DType::f64, {3, 5})}), "float64");
  expect_refused(made({q, k, v}, {{"key_order", Ints{0, 2, 2}}}), "key_order");
  expect_refused(made({q, k, v}, {{"output_order", Ints{1, 0}}}), "output_order");
  expect_refused(made({q, Tensor(DType::i32, {2, 5, 4}), v}), "int32");
}

}  // namespace
}  // namespace betimes::graph

// Attention and the like of domain com.microsoft, against their definitions in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "betimes/base/error.h"
#include "betimes/import/testing/contrib.h"

namespace betimes::import {
namespace {

using namespace graph::testing;
using samples::computed;
using samples::expect_refused;
using samples::Written;

struct Sizes {
  int64_t batch, queries, keys, heads, size, value_size;
  int64_t past = 0;
};

Sizes random_sizes(Random& random) {
  Sizes s{between(random, 1, 3), between(random, 1, 5), 0,
          between(random, 1, 3), between(random, 1, 4), 0};
  s.keys = s.queries;
  s.value_size = s.size;
  return s;
}

Tensor reals(Random& random, const Shape& shape, double range = 1) {
  return random_tensor(random, DType::f32, shape, -range, range);
}

/// A mask in one of the forms that there are, and whether it lets key k be seen by query q.
struct Mask {
  std::optional<Tensor> tensor;
  bool seen(int64_t b, int64_t q, int64_t k, int64_t batch) const {
    if (!tensor) return true;
    const Array m(*tensor);
    if (m.shape().size() == 2) return m({b, k}) > 0;
    if (m.shape().size() == 3) return m({b, q, k}) > 0;
    const auto key = static_cast<double>(k);
    const bool starts = m.extent(0) == 2 * batch;
    return key < m({b}) && (!starts || key >= m({b + batch}));
  }
};

Mask random_mask(Random& random, const Sizes& s) {
  const int64_t all = s.past + s.keys;
  const auto last = static_cast<double>(all);
  switch (random.below(5)) {
    case 0:
      return {random_tensor(random, DType::i32, {s.batch}, 0, last)};
    case 1:
      return {random_tensor(random, DType::i32, {2 * s.batch}, 0, last)};
    case 2:
      return {random_tensor(random, DType::i32, {s.batch, all}, 0, 1)};
    case 3:
      return {random_tensor(random, DType::i32, {s.batch, s.queries, all}, 0, 1)};
    default:
      return {};
  }
}

struct Reference {
  double scale = 1;
  double filter = -10000;
  bool causal = false;
  Mask mask;
  std::optional<Tensor> bias;  // broadcasts to [batch, heads, queries, keys]
};

/// Roundings to allow: where a query sees no key, all its scores are rounded as numbers of the size
/// of the filter are.
double slack(const Sizes& s, const Reference& r) {
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t q = 0; q < s.queries; ++q) {
      bool sees = false;
      const int64_t all = s.past + s.keys;
      for (int64_t k = 0; k < (r.causal ? q + all - s.queries + 1 : all); ++k) {
        sees = sees || r.mask.seen(b, q, k, s.batch);
      }
      if (!sees) return 20 + std::fabs(r.filter) / 5;
    }
  }
  return 20;
}

/// Query, key and value [batch, heads, length, size] to [batch, queries, heads * value size].
Array attended(const Sizes& s, const Reference& r, const Array& query, const Array& key,
               const Array& value) {
  const int64_t all = s.past + s.keys;
  const auto weights = [&](int64_t b, int64_t h, int64_t q) {
    std::vector<double> scores;
    for (int64_t k = 0; k < all; ++k) {
      double score = 0;
      for (int64_t i = 0; i < s.size; ++i) score += query({b, h, q, i}) * key({b, h, k, i});
      score *= r.scale;
      if (r.bias) score += Array(*r.bias).broadcast({b, h, q, k});
      if (!r.mask.seen(b, q, k, s.batch)) score += r.filter;
      if (r.causal && k > q + all - s.queries) score = -std::numeric_limits<double>::infinity();
      scores.push_back(score);
    }
    const double most = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double& x : scores) sum += x = std::exp(x - most);
    for (double& x : scores) x /= sum;
    return scores;
  };
  return Array::made({s.batch, s.queries, s.heads * s.value_size}, [&](const Index& at) {
    const int64_t head = at[2] / s.value_size;
    const auto w = weights(at[0], head, at[1]);
    double sum = 0;
    for (int64_t k = 0; k < all; ++k) {
      sum += w[static_cast<size_t>(k)] * value({at[0], head, k, at[2] % s.value_size});
    }
    return sum;
  });
}

/// [batch, length, heads * size] as [batch, heads, length, size], behind `past` of that form.
Array by_head(const Array& x, int64_t heads, const std::optional<Array>& past = {}) {
  const int64_t before = past ? past->extent(2) : 0;
  const int64_t size = x.extent(2) / heads;
  return Array::made({x.extent(0), heads, before + x.extent(1), size}, [&](const Index& at) {
    if (at[2] < before) return (*past)(at);
    return x({at[0], at[2] - before, at[1] * size + at[3]});
  });
}

/// Columns first..first + count of x w + b.
Array projected(const Tensor& x, const Tensor& w, const std::optional<Tensor>& b, int64_t first,
                int64_t count) {
  const Array input(x), weight(w);
  return Array::made({input.extent(0), input.extent(1), count}, [&](const Index& at) {
    double sum = b ? Array(*b)({first + at[2]}) : 0;
    for (int64_t i = 0; i < input.extent(2); ++i) {
      sum += input({at[0], at[1], i}) * weight({i, first + at[2]});
    }
    return sum;
  });
}

/// Part `which` of a past [2, ...].
Array part_of(const Tensor& past, int64_t which) {
  const Array all(past);
  return Array::made(Shape(past.shape().begin() + 1, past.shape().end()), [&](Index at) {
    at.insert(at.begin(), which);
    return all(at);
  });
}

TEST(OnnxAttention, AttentionIsSoftmaxOfScaledProducts) {
  Random random(220);
  for (int i = 0; i < 300; ++i) {
    Sizes s = random_sizes(random);
    const bool own_sizes = coin(random);
    if (own_sizes) s.value_size = between(random, 1, 4);
    const int64_t wide = s.heads * s.size, value_wide = s.heads * s.value_size;
    const int64_t hidden = between(random, 1, 6);
    const bool cached = s.value_size == s.size && random.below(3) == 0;
    if (cached) s.past = between(random, 0, 3);
    const Tensor x = reals(random, {s.batch, s.queries, hidden});
    const Tensor w = reals(random, {hidden, 2 * wide + value_wide});
    std::optional<Tensor> b, past;
    if (coin(random)) b = reals(random, {2 * wide + value_wide});
    if (cached) past = reals(random, {2, s.batch, s.heads, s.past, s.size});
    Reference r{1 / std::sqrt(static_cast<double>(s.size)),
                -10000,
                coin(random),
                random_mask(random, s),
                {}};
    if (random.below(3) == 0) {
      r.bias = reals(random, {coin(random) ? s.batch : 1, s.heads, s.queries, s.past + s.keys});
    }
    Written call{"Attention", {x, w, b, r.mask.tensor, past, r.bias}, {{"num_heads", s.heads}}};
    if (r.causal) call.attributes["unidirectional"] = int64_t{1};
    if (coin(random)) {
      r.scale = 0.3f;
      call.attributes["scale"] = 0.3f;
      r.filter = -50;
      call.attributes["mask_filter_value"] = -50.0f;
    }
    if (own_sizes)
      call.attributes["qkv_hidden_sizes"] = std::vector<int64_t>{wide, wide, value_wide};
    const bool kept = s.value_size == s.size && coin(random);
    call.outputs = {true, kept};
    const auto part = [&](int64_t first, int64_t count, int64_t which) {
      std::optional<Array> before;
      if (past && which > 0) before = part_of(*past, which - 1);
      return by_head(projected(x, w, b, first, count), s.heads, before);
    };
    const Array key = part(wide, wide, 1), value = part(2 * wide, value_wide, 2);
    SCOPED_TRACE(std::string("case ") + std::to_string(i) + ", mask " +
                 (r.mask.tensor ? to_string(r.mask.tensor->type()) : "none"));
    const auto found = computed(call);
    expect_close(found.at(0), DType::f32, attended(s, r, part(0, wide, 0), key, value),
                 slack(s, r));
    if (!kept) continue;
    const Array present =
        Array::made({2, s.batch, s.heads, s.past + s.keys, s.size}, [&](const Index& at) {
          return (at[0] == 0 ? key : value)({at[1], at[2], at[3], at[4]});
        });
    expect_close(found.at(1), DType::f32, present, 10);
  }
}

TEST(OnnxAttention, QAttentionComputesOnReals) {
  Random random(223);
  for (int i = 0; i < 60; ++i) {
    const Sizes s = random_sizes(random);
    const int64_t wide = s.heads * s.size, hidden = between(random, 1, 6);
    const bool each = coin(random);
    const Tensor x = random_tensor(random, DType::u8, {s.batch, s.queries, hidden}, 0, 255);
    const Tensor w = random_tensor(random, DType::i8, {hidden, 3 * wide}, -128, 127);
    const Tensor bias = reals(random, {3 * wide});
    const Tensor x_scale = Tensor::scalar(0.01f);
    const Tensor w_scale =
        random_tensor(random, DType::f32, each ? Shape{3 * wide} : Shape{1}, 0.001, 0.01);
    const Tensor x_zero = Tensor::scalar<uint8_t>(128);
    const Reference r{1 / std::sqrt(static_cast<double>(s.size)),
                      -10000,
                      coin(random),
                      random_mask(random, s),
                      {}};
    const Array real_x = Array::made(x.shape(), [&](const Index& at) {
      return (Array(x)(at) - 128) * static_cast<double>(0.01f);
    });
    const Array real_w = Array::made(w.shape(), [&](const Index& at) {
      return Array(w)(at) * Array(w_scale)({each ? at[1] : 0});
    });
    const auto part = [&](int64_t first) {
      return by_head(
          projected(real_x.tensor(DType::f64), real_w.tensor(DType::f64), bias, first, wide),
          s.heads);
    };
    const Written call{"QAttention",
                       {x, w, bias, x_scale, w_scale, r.mask.tensor, x_zero, std::nullopt},
                       {{"num_heads", s.heads}, {"unidirectional", int64_t{r.causal}}}};
    SCOPED_TRACE(std::string("case ") + std::to_string(i));
    expect_close(computed(call).at(0), DType::f32,
                 attended(s, r, part(0), part(wide), part(2 * wide)), slack(s, r));
  }
}

TEST(OnnxAttention, AttentionIsRefusedByName) {
  const Tensor x(DType::f32, {2, 3, 4});
  const Tensor w(DType::f32, {4, 12});
  const samples::Attributes two = {{"num_heads", int64_t{2}}};
  const auto with = [&](const char* key) {
    samples::Attributes all = two;
    all[key] = int64_t{1};
    return Written{"Attention", {x, w}, all};
  };
  expect_refused({"Attention", {x, w}}, "num_heads");
  expect_refused(with("do_rotary"), "do_rotary");
  expect_refused(with("past_present_share_buffer"), "past_present_share_buffer");
  expect_refused({"Attention", {x}, two}, "required input 1");
  const Tensor four(DType::i32, {2, 1, 3, 3});
  expect_refused({"Attention", {x, w, std::nullopt, four}, two}, "a mask of rank 4");
  // 3 * batch + 2 numbers mean something else to GPUs.
  const Tensor packed(DType::i32, {8});
  expect_refused({"Attention", {x, w, std::nullopt, packed}, two}, "Expand");
  Written unknown{"Attention", {x, w, std::nullopt, packed}, two};
  unknown.shaped = false;
  expect_refused(unknown, "rank isn't known");
  expect_refused({"Attention", {x, Tensor(DType::f32, {4, 13})}, two}, "Split");
}

TEST(OnnxAttention, MultiHeadAttentionTakesItsPartsApart) {
  Random random(221);
  for (int i = 0; i < 200; ++i) {
    Sizes s = random_sizes(random);
    const bool causal = coin(random);
    if (!causal) s.keys = between(random, 1, 6);
    s.value_size = between(random, 1, 4);
    const bool cached = coin(random);
    if (cached) s.past = between(random, 0, 3);
    const int64_t wide = s.heads * s.size, value_wide = s.heads * s.value_size;
    const Tensor q = reals(random, {s.batch, s.queries, wide});
    const Tensor k = reals(random, {s.batch, s.keys, wide});
    const Tensor v = reals(random, {s.batch, s.keys, value_wide});
    std::optional<Tensor> bias, past_key, past_value;
    if (coin(random)) bias = reals(random, {2 * wide + value_wide});
    if (cached) past_key = reals(random, {s.batch, s.heads, s.past, s.size});
    if (cached) past_value = reals(random, {s.batch, s.heads, s.past, s.value_size});
    Reference r{
        1 / std::sqrt(static_cast<double>(s.size)), -10000, causal, random_mask(random, s), {}};
    if (coin(random)) r.bias = reals(random, {1, s.heads, s.queries, s.past + s.keys});
    const bool kept = coin(random);
    const Written call{"MultiHeadAttention",
                       {q, k, v, bias, r.mask.tensor, r.bias, past_key, past_value},
                       {{"num_heads", s.heads}, {"unidirectional", int64_t{causal}}},
                       {true, kept, kept}};
    const auto part = [&](const Tensor& x, int64_t first, const std::optional<Tensor>& past) {
      const Array shifted = Array::made(x.shape(), [&](const Index& at) {
        return Array(x)(at) + (bias ? Array(*bias)({first + at[2]}) : 0);
      });
      std::optional<Array> before;
      if (past) before = Array(*past);
      return by_head(shifted, s.heads, before);
    };
    const Array key = part(k, wide, past_key), value = part(v, 2 * wide, past_value);
    SCOPED_TRACE(std::string("case ") + std::to_string(i));
    const auto found = computed(call);
    expect_close(found.at(0), DType::f32, attended(s, r, part(q, 0, {}), key, value), slack(s, r));
    if (!kept) continue;
    expect_close(found.at(1), DType::f32, key, 2);
    expect_close(found.at(2), DType::f32, value, 2);
  }
  const Tensor packed(DType::f32, {1, 2, 2, 3, 4});
  const samples::Attributes two = {{"num_heads", int64_t{2}}};
  expect_refused({"MultiHeadAttention", {packed}, two}, "in one input");
  expect_refused({"MultiHeadAttention", {packed, packed, packed}, two}, "rank 5");
}

TEST(OnnxAttention, RotaryEmbeddingTurnsPairs) {
  Random random(222);
  for (int i = 0; i < 200; ++i) {
    const int64_t batch = between(random, 1, 3), length = between(random, 1, 5);
    const int64_t heads = between(random, 1, 3), half = between(random, 1, 4);
    const int64_t rest = coin(random) ? between(random, 1, 3) : 0;
    const int64_t size = 2 * half + rest, longest = 2 * length + 3;
    const bool flat = coin(random), interleaved = coin(random), shared = coin(random);
    const Tensor x = reals(
        random, flat ? Shape{batch, length, heads * size} : Shape{batch, heads, length, size});
    const Tensor positions =
        random_tensor(random, DType::i64, shared ? Shape{1} : Shape{batch, length}, 0,
                      static_cast<double>(shared ? longest - length : longest - 1));
    const Tensor cosines = reals(random, {longest, half});
    const Tensor sines = reals(random, {longest, half});
    Written call{
        "RotaryEmbedding", {x, positions, cosines, sines}, {{"interleaved", int64_t{interleaved}}}};
    if (rest > 0 || coin(random)) {
      call.attributes["num_heads"] = heads;
      call.attributes["rotary_embedding_dim"] = 2 * half;
    }
    const Array input(x), c(cosines), s(sines), place(positions);
    const auto turned = [&](int64_t b, int64_t l, int64_t h, int64_t e) {
      const auto at = [&](int64_t element) {
        return flat ? input({b, l, h * size + element}) : input({b, h, l, element});
      };
      if (e >= 2 * half) return at(e);
      const int64_t pair = interleaved ? e / 2 : e % half;
      const bool second = interleaved ? e % 2 == 1 : e >= half;
      const double one = at(interleaved ? 2 * pair : pair);
      const double two = at(interleaved ? 2 * pair + 1 : pair + half);
      const auto row =
          static_cast<int64_t>(shared ? place({0}) + static_cast<double>(l) : place({b, l}));
      return second ? two * c({row, pair}) + one * s({row, pair})
                    : one * c({row, pair}) - two * s({row, pair});
    };
    const Array expected = Array::made(x.shape(), [&](const Index& at) {
      return flat ? turned(at[0], at[1], at[2] / size, at[2] % size)
                  : turned(at[0], at[2], at[1], at[3]);
    });
    SCOPED_TRACE(std::string("case ") + std::to_string(i) + ", " + to_string(x.type()));
    expect_close(computed(call).at(0), DType::f32, expected, 4);
  }
  const Tensor x(DType::f32, {1, 2, 4});
  const Tensor table(DType::f32, {4, 2});
  const Tensor positions(DType::i64, {1});
  const auto with = [&](const char* key) {
    return Written{"RotaryEmbedding", {x, positions, table, table}, {{key, int64_t{1}}}};
  };
  expect_refused(with("is_packed_batching"), "is_packed_batching");
  expect_refused(with("rotary_embedding_dim"), "num_heads");
}

}  // namespace
}  // namespace betimes::import

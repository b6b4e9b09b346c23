// RandomNormal, RandomUniform and what is like them, Bernoulli, Multinomial; TfIdfVectorizer.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "betimes/graph/specialize.h"
#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

using RandomOperators = ::testing::Test;
using Ints = std::vector<int64_t>;

std::vector<double> numbers(const Call& call) { return Array(run(call)[0]).values(); }

struct Moments {
  double mean = 0;
  double deviation = 0;
};

Moments moments(const std::vector<double>& values) {
  Moments found;
  for (const double x : values) found.mean += x / static_cast<double>(values.size());
  for (const double x : values) {
    found.deviation += (x - found.mean) * (x - found.mean) / static_cast<double>(values.size());
  }
  found.deviation = std::sqrt(found.deviation);
  return found;
}

/// Repeats itself; another seed gives other numbers; and nothing folds it into a constant.
void expect_drawn_by_seed(Call call) {
  SCOPED_TRACE(call.describe());
  const std::vector<double> first = numbers(call);
  EXPECT_EQ(numbers(call), first);
  call.attributes["seed"] = 0.0f;
  EXPECT_EQ(numbers(call), first);
  call.attributes["seed"] = 0.5f;
  const std::vector<double> second = numbers(call);
  EXPECT_NE(second, first);
  EXPECT_EQ(numbers(call), second);
  EXPECT_EQ(specialize(graph_of(call), {}).graph.nodes.size(), 1u);
}

constexpr int64_t f64_code = 11;
constexpr int64_t i64_code = 7;
constexpr int64_t boolean_code = 9;

TEST(RandomOperators, RandomNormal_HasItsMoments) {
  const Call call{"RandomNormal", {}, {{"shape", Ints{20, 1000}}, {"mean", 3.0f}, {"scale", 2.0f}}};
  expect_drawn_by_seed(call);
  const Moments found = moments(numbers(call));
  EXPECT_NEAR(found.mean, 3, 0.1);
  EXPECT_NEAR(found.deviation, 2, 0.1);
  EXPECT_EQ(run(call)[0].type(), (TensorType{DType::f32, {20, 1000}}));
}

TEST(RandomOperators, RandomUniform_StaysWithin) {
  const Call call{"RandomUniform",
                  {},
                  {{"shape", Ints{20000}}, {"low", -1.0f}, {"high", 5.0f}, {"dtype", f64_code}}};
  expect_drawn_by_seed(call);
  const std::vector<double> drawn = numbers(call);
  const auto [low, high] = std::minmax_element(drawn.begin(), drawn.end());
  EXPECT_GE(*low, -1);
  EXPECT_LE(*high, 5);
  EXPECT_NEAR(moments(drawn).mean, 2, 0.1);
  EXPECT_NEAR(moments(drawn).deviation, 6 / std::sqrt(12.0), 0.1);
  EXPECT_EQ(run(call)[0].dtype(), DType::f64);
}

TEST(RandomOperators, RandomNormalLike_TakesShapeAndType) {
  Random random(700);
  for (const std::string op : {"RandomNormalLike", "RandomUniformLike"}) {
    for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
      for (const Shape& shape : ugly_shapes(random)) {
        const Tensor found = run({op, {Tensor(dtype, shape)}})[0];
        EXPECT_EQ(found.type(), (TensorType{dtype, shape}));
        const Array drawn(found);
        for (const double x : drawn.values()) EXPECT_TRUE(std::isfinite(x));
      }
    }
    const Call call{op, {Tensor(DType::i64, {7, 11})}, {{"dtype", f64_code}}};
    EXPECT_EQ(run(call)[0].type(), (TensorType{DType::f64, {7, 11}}));
    expect_drawn_by_seed(call);
  }
}

TEST(RandomOperators, RandomUniformLike_AndOthersRefuseWhatDoesNotFit) {
  for (const std::string op : {"RandomNormalLike", "RandomUniformLike"}) {
    expect_refused({op, {Tensor(DType::i32, {2})}}, "int32");
    expect_refused({op, {Tensor(DType::f32, {2})}, {{"dtype", i64_code}}}, "int64");
  }
  for (const std::string op : {"RandomNormal", "RandomUniform"}) {
    expect_refused({op, {}}, "'shape' is missing");
    expect_refused({op, {}, {{"shape", Ints{2, -1}}}}, "negative");
    expect_refused({op, {}, {{"shape", Ints{int64_t{1} << 40}}}}, "absurdly large");
    expect_refused({op, {}, {{"shape", Ints{2}}, {"dtype", int64_t{99}}}}, "99");
  }
}

TEST(RandomOperators, Bernoulli_DrawsAsOftenAsItIsTold) {
  Tensor p(DType::f32, {3, 5000});
  for (size_t i = 0; i < 5000; ++i) {
    p.mutable_data<float>()[5000 + i] = 0.25f;
    p.mutable_data<float>()[10000 + i] = 1;
  }
  expect_drawn_by_seed({"Bernoulli", {p}});
  for (const int64_t code : {int64_t{1}, i64_code, boolean_code}) {
    const Array drawn(run({"Bernoulli", {p}, {{"dtype", code}}})[0].cast(DType::f64));
    const auto row = [&](int64_t i) {
      const auto first = drawn.values().begin() + i * 5000;
      return moments({first, first + 5000}).mean;
    };
    EXPECT_EQ(row(0), 0);
    EXPECT_NEAR(row(1), 0.25, 0.03);
    EXPECT_NEAR(row(2), 1, 1e-9);
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(numbers({"Bernoulli", {Tensor::scalar(nan)}}), std::vector<double>{0});
  expect_refused({"Bernoulli", {Tensor(DType::i32, {2})}}, "input 0");
}

TEST(RandomOperators, Multinomial_DrawsByLogarithms) {
  const float none = -std::numeric_limits<float>::infinity();
  const Tensor x =
      Tensor::from<float>({2, 4}, {none, 0, std::log(3.0f), none, 7, none, none, none});
  const Call call{"Multinomial", {x}, {{"sample_size", int64_t{8000}}, {"dtype", i64_code}}};
  expect_drawn_by_seed(call);
  std::map<double, int> seen;
  const std::vector<double> drawn = numbers(call);
  for (size_t i = 0; i < 8000; ++i) ++seen[drawn[i]];
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_NEAR(seen[1], 2000, 200);
  EXPECT_NEAR(seen[2], 6000, 200);
  for (size_t i = 8000; i < 16000; ++i) EXPECT_EQ(drawn[i], 0);
  EXPECT_EQ(run({"Multinomial", {x}})[0].type(), (TensorType{DType::i32, {2, 1}}));
}

TEST(RandomOperators, Multinomial_RefusesWhatDoesNotFit) {
  // Whatever the numbers are, a class is drawn.
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(), INFINITY, -INFINITY}) {
    const Tensor x = Tensor::from<float>({1, 2}, std::vector<float>{odd, odd});
    const double drawn = numbers({"Multinomial", {x}})[0];
    EXPECT_TRUE(drawn == 0 || drawn == 1) << drawn;
  }
  const Tensor x(DType::f32, {2, 3});
  expect_refused({"Multinomial", {Tensor(DType::f32, {3})}}, "input 0");
  expect_refused({"Multinomial", {Tensor(DType::f32, {2, 0})}}, "one class");
  expect_refused({"Multinomial", {x}, {{"sample_size", int64_t{0}}}}, "sample_size");
  expect_refused({"Multinomial", {x}, {{"dtype", f64_code}}}, "float64");
}

struct Words {
  int64_t shortest, longest, skips;
  std::vector<std::vector<Ints>> grams;  // per length
  Ints columns;
  std::vector<float> weights;

  Call call(const Tensor& x, const std::string& mode) const {
    Ints starts, pool;
    for (const auto& some : grams) {
      starts.push_back(std::ssize(pool));
      for (const Ints& gram : some) pool.insert(pool.end(), gram.begin(), gram.end());
    }
    return {"TfIdfVectorizer",
            {x},
            {{"mode", mode},
             {"min_gram_length", shortest},
             {"max_gram_length", longest},
             {"max_skip_count", skips},
             {"ngram_counts", starts},
             {"pool_int64s", pool},
             {"ngram_indexes", columns},
             {"weights", weights}}};
  }
};

std::vector<double> vectorized(const Words& words, const Ints& row, const std::string& mode) {
  std::vector<double> y(
      static_cast<size_t>(*std::max_element(words.columns.begin(), words.columns.end())) + 1);
  size_t number = 0;
  for (const auto& some : words.grams) {
    for (const Ints& gram : some) {
      int count = 0;
      const auto length = std::ssize(gram);
      for (int64_t skip = 0; skip <= (length == 1 ? 0 : words.skips); ++skip) {
        for (int64_t i = 0; i < std::ssize(row); ++i) {
          bool same = length >= words.shortest && length <= words.longest;
          for (int64_t k = 0; k < length; ++k) {
            const int64_t at = i + k * (skip + 1);
            same = same && at < std::ssize(row) &&
                   row[static_cast<size_t>(at)] == gram[static_cast<size_t>(k)];
          }
          count += same;
        }
      }
      double value = mode == "IDF" ? count > 0 : count;
      if (mode != "TF") value *= words.weights[number];
      y[static_cast<size_t>(words.columns[number++])] += value;
    }
  }
  return y;
}

Words random_words(Random& random) {
  Words words{1, between(random, 1, 3), between(random, 0, 4), {}, {}, {}};
  words.shortest = between(random, 1, words.longest);
  for (int64_t length = 1; length <= 3; ++length) {
    std::vector<Ints> some;
    for (int64_t i = between(random, length == 1, 6); i > 0; --i) {
      Ints gram;
      for (int64_t k = 0; k < length; ++k) gram.push_back(between(random, -1, 3));
      if (std::find(some.begin(), some.end(), gram) == some.end()) some.push_back(gram);
    }
    for (size_t i = 0; i < some.size(); ++i) {
      words.columns.push_back(between(random, 0, 9));
      words.weights.push_back(static_cast<float>(random.uniform(0, 2)));
    }
    words.grams.push_back(some);
  }
  return words;
}

TEST(RandomOperators, TfIdfVectorizer_CountsNGrams) {
  Random random(701);
  for (int round = 0; round < 150; ++round) {
    const Words words = random_words(random);
    const Shape shape = {between(random, 0, 3), between(random, 0, 13)};
    const Tensor x = random_tensor(random, coin(random) ? DType::i32 : DType::i64, shape, -1, 3);
    const std::string mode = std::vector<std::string>{"TF", "IDF", "TFIDF"}[random.below(3)];
    const Array values(x);
    const int64_t width = *std::max_element(words.columns.begin(), words.columns.end()) + 1;
    const Array expected = Array::made({shape[0], width}, [&](const Index& at) {
      Ints row;
      for (int64_t i = 0; i < shape[1]; ++i) row.push_back(int64_t(values({at[0], i})));
      return vectorized(words, row, mode)[static_cast<size_t>(at[1])];
    });
    expect_close(run(words.call(x, mode))[0], DType::f32, expected, 10);
  }
}

TEST(RandomOperators, TfIdfVectorizer_RefusesWhatDoesNotFit) {
  const Words words{1, 2, 1, {{{1}, {2}}, {{1, 2}}}, {0, 1, 2}, {1, 1, 1}};
  const Tensor x = integers({1, 2, 1, 2});
  EXPECT_EQ(numbers(words.call(x, "TF")), (std::vector<double>{2, 2, 2}));
  const auto refused = [&](const std::string& key, const Attribute& value,
                           const std::string& reason) {
    Call call = words.call(x, "TF");
    call.attributes[key] = value;
    expect_refused(call, reason);
  };
  refused("mode", "BM25", "BM25");
  refused("max_gram_length", int64_t{3}, "max_gram_length");
  refused("min_gram_length", int64_t{0}, "min_gram_length");
  refused("max_skip_count", int64_t{-1}, "max_skip_count");
  refused("ngram_counts", Ints{0, 5}, "ngram_counts");
  refused("ngram_counts", Ints{0, 1}, "3 items for n-grams of 2");
  refused("ngram_counts", Ints{2, 0}, "ngram_counts");
  refused("ngram_indexes", Ints{0, 1}, "2 ngram_indexes");
  refused("ngram_indexes", Ints{0, 1, -1}, "ngram_indexes");
  refused("weights", std::vector<float>{1}, "1 weights");
  refused("pool_int64s", Ints{1, 1, 1, 2}, "same n-gram twice");
  refused("pool_strings", std::vector<std::string>{"a"}, "strings");
  expect_refused(words.call(Tensor(DType::i64, {1, 2, 3}), "TF"), "input 0");
  expect_refused(words.call(Tensor(DType::f32, {2}), "TF"), "input 0");
  Words far = words;
  far.skips = 1 << 30;
  EXPECT_EQ(numbers(far.call(x, "TF")), (std::vector<double>{2, 2, 3}));
  expect_refused(far.call(Tensor(DType::i32, {1 << 19}), "TF"), "absurd");
}

}  // namespace
}  // namespace betimes::graph

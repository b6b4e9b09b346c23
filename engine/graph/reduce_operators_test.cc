// Reductions over chosen axes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;
using Reduce = std::function<double(const std::vector<double>&)>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The input's elements that fall together once the axes are gone, reduced by f.
Array reduced(const Array& x, const std::vector<bool>& gone, bool keep, const Reduce& f) {
  Shape shape;
  Shape outer = x.shape();
  for (size_t i = 0; i < gone.size(); ++i) {
    if (!gone[i] || keep) shape.push_back(gone[i] ? 1 : x.extent(i));
    if (gone[i]) outer[i] = 1;
  }
  Array result(shape);
  each_index(outer, [&](const Index& at) {
    std::vector<double> values;
    each_index(x.shape(), [&](const Index& from) {
      for (size_t i = 0; i < gone.size(); ++i) {
        if (!gone[i] && from[i] != at[i]) return;
      }
      values.push_back(x(from));
    });
    Index to;
    for (size_t i = 0; i < gone.size(); ++i) {
      if (!gone[i] || keep) to.push_back(at[i]);
    }
    result(to) = f(values);
  });
  return result;
}

template <class F>
double total(const std::vector<double>& values, F&& f) {
  double sum = 0;
  for (const double x : values) sum += f(x);
  return sum;
}
double same(double x) { return x; }
double square(double x) { return x * x; }
double size(double x) { return std::fabs(x); }

double product(const std::vector<double>& values) {
  double result = 1;
  for (const double x : values) result *= x;
  return result;
}
double mean(const std::vector<double>& values) {
  return total(values, same) / static_cast<double>(values.size());
}
double largest(const std::vector<double>& values) {
  double best = -infinity;
  for (const double x : values) best = std::isnan(best) || best > x ? best : x;
  return best;
}
double smallest(const std::vector<double>& values) {
  double best = infinity;
  for (const double x : values) best = std::isnan(best) || best < x ? best : x;
  return best;
}
double log_sum_exp(const std::vector<double>& values) {
  return std::log(total(values, [](double x) { return std::exp(x); }));
}

struct Reduction {
  std::string op;
  Reduce f;
  double low = -3;
  double high = 3;
};

std::vector<Reduction> reductions() {
  const auto sum = [](double (*f)(double)) -> Reduce {
    return [f](const std::vector<double>& values) { return total(values, f); };
  };
  const Reduce squares = sum(square);
  const Reduce sums = sum(same);
  return {{"ReduceSum", sums},
          {"ReduceMean", mean},
          {"ReduceSumSquare", squares},
          {"ReduceL1", sum(size)},
          {"ReduceL2", [squares](const auto& values) { return std::sqrt(squares(values)); }},
          {"ReduceLogSum", [sums](const auto& values) { return std::log(sums(values)); }, 0.1},
          {"ReduceLogSumExp", log_sum_exp},
          {"ReduceProd", product, 1, 1.5},
          {"ReduceMax", largest},
          {"ReduceMin", smallest}};
}

class ReduceOperators : public ::testing::TestWithParam<Reduction> {
 protected:
  static Call call(const Tensor& x, const std::vector<int64_t>& axes, Attributes attributes = {}) {
    Call result{GetParam().op, {x}, std::move(attributes)};
    if (GetParam().op == "ReduceSum") {
      result.inputs.push_back(integers(axes));
    } else {
      result.attributes["axes"] = axes;
    }
    return result;
  }

  static void expect_reduced(DType dtype, const Tensor& x, const std::vector<int64_t>& axes,
                             bool keep) {
    std::vector<bool> gone(x.shape().size(), axes.empty());
    for (const int64_t axis : axes) {
      gone[static_cast<size_t>(axis < 0 ? axis + std::ssize(gone) : axis)] = true;
    }
    const bool whole = !is_floating(dtype);
    const Array expected = reduced(Array(x), gone, keep, [&](const std::vector<double>& values) {
      const double y = GetParam().f(values);
      if (dtype == DType::boolean) return y > 0 ? 1.0 : 0.0;  // of none too
      return whole && std::isfinite(y) ? std::trunc(y) : y;
    });
    Call made = call(x, axes);
    if (!keep || axes.size() % 2) made.attributes["keepdims"] = int64_t{keep};
    SCOPED_TRACE(made.describe() + " over axes " + to_string(axes));
    expect_close(run(made)[0], dtype, expected, 2);
  }
};

/// Some of the axes, in any order, counted from either end.
std::vector<int64_t> some_axes(Random& random, size_t rank) {
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < static_cast<int64_t>(rank); ++i) {
    if (coin(random)) axes.push_back(coin(random) ? i : i - static_cast<int64_t>(rank));
  }
  random.shuffle(std::span<int64_t>(axes));
  return axes;
}

TEST_P(ReduceOperators, ComputesWhatOnnxSays) {
  Random random(11);
  for (const DType dtype : types_of(GetParam().op)) {
    for (const Shape& shape : ugly_shapes(random)) {
      // The mean of no integers isn't defined.
      if (GetParam().op == "ReduceMean" && !is_floating(dtype) && element_count(shape) == 0) {
        continue;
      }
      // Integers of 1 and 2: a product of more would overflow.
      if (GetParam().op == "ReduceProd" && !is_floating(dtype) && element_count(shape) > 30) {
        continue;
      }
      const Tensor x = random_tensor(random, dtype, shape, GetParam().low, GetParam().high);
      expect_reduced(dtype, x, some_axes(random, shape.size()), coin(random));
      expect_reduced(dtype, x, {}, true);
    }
  }
}

TEST_P(ReduceOperators, KeepsNanAndInfinities) {
  const Tensor x = Tensor::from<double>(
      {5, 3}, {nan, 1, 2, 1, nan, 2, infinity, 1, 2, -infinity, 1, 2, 0, 0, infinity});
  for (const DType dtype : types_of(GetParam().op)) {
    if (is_floating(dtype)) expect_reduced(dtype, x.cast(dtype), {1}, false);
  }
}

TEST_P(ReduceOperators, RefusesOtherTypesAndAxes) {
  const Tensor x(DType::f32, {2, 3});
  expect_refused(call(x, {2}), "axis 2");
  expect_refused(call(x, {-3}), "axis -3");
  expect_refused(call(x, {1, -1}), "given twice");
  expect_refused(call(Tensor::scalar(1.0f), {0}), "axis 0");
  expect_refused(call(x, {0}, {{"keepdims", int64_t{2}}}), "keepdims");
  expect_refused(call(Tensor(DType::i16, {2}), {0}), "input 0 is int16");
}

INSTANTIATE_TEST_SUITE_P(All, ReduceOperators, ::testing::ValuesIn(reductions()),
                         [](const auto& reduction) { return reduction.param.op; });

using ReductionOperators = ::testing::Test;

template <class T>
void expect_integer(const std::string& op, const std::vector<T>& x, T expected) {
  SCOPED_TRACE(op);
  const Tensor input = Tensor::from<T>({static_cast<int64_t>(x.size())}, x);
  const Tensor y = run({op, {input}})[0];
  EXPECT_EQ(y.data<T>()[0], expected);
}

TEST(ReductionOperators, ReduceSum_WithoutAxesMayDoNothing) {
  const Tensor x = Tensor::from<float>({3}, {1, 2, 4});
  const Attributes noop = {{"noop_with_empty_axes", int64_t{1}}};
  const std::vector<double> all = {1, 2, 4};
  EXPECT_EQ(Array(run({"ReduceSum", {x}, noop})[0]).values(), all);
  EXPECT_EQ(Array(run({"ReduceSum", {x, integers({})}, noop})[0]).values(), all);
  EXPECT_EQ(Array(run({"ReduceSum", {x, integers({0})}, noop})[0]).values(),
            std::vector<double>{7});
  EXPECT_EQ(Array(run({"ReduceSum", {x, std::nullopt}})[0]).values(), std::vector<double>{7});
  expect_refused({"ReduceSum", {x, Tensor(DType::f32, {1})}}, "axes");
  expect_refused({"ReduceSum", {x, integers({0})}, {}, 1, "", {1}}, "axes");
}

TEST(ReductionOperators, ReduceSum_OfIntegersIsExactAndWrapsAround) {
  expect_integer<int64_t>("ReduceSum", {9007199254740993, 1, -1}, 9007199254740993);
  expect_integer<int32_t>("ReduceSum", {2147483647, 1}, std::numeric_limits<int32_t>::min());
  expect_integer<uint64_t>("ReduceSum", {~uint64_t{0}, 2}, 1);
  expect_integer<uint32_t>("ReduceProd", {65536, 65537}, 65536);
  expect_integer<int64_t>("ReduceL1", {std::numeric_limits<int64_t>::min() + 1},
                          std::numeric_limits<int64_t>::max());
}

TEST(ReductionOperators, ReduceMean_OfIntegersDividesTowardsZero) {
  expect_integer<int32_t>("ReduceMean", {-3, -4}, -3);
  expect_integer<int64_t>("ReduceMean", {5, 0}, 2);
  // The sum is above what int64 holds, and uint64 holds it.
  expect_integer<uint64_t>("ReduceMean", {uint64_t{1} << 63, 2}, (uint64_t{1} << 62) + 1);
  expect_integer<uint32_t>("ReduceMean", {4294967295u, 4294967293u}, 4294967294u);
}

TEST(ReductionOperators, ReduceMax_OfLargeIntegersIsExact) {
  expect_integer<int64_t>("ReduceMax", {9007199254740993, 9007199254740992}, 9007199254740993);
  expect_integer<uint64_t>("ReduceMin", {~uint64_t{0}, ~uint64_t{0} - 1}, ~uint64_t{0} - 1);
}

TEST(ReductionOperators, ReduceLogSumExp_DoesNotOverflow) {
  const Tensor x = Tensor::from<float>({2, 2}, {1000, 1000, -1000, -1000});
  const Array y(run({"ReduceLogSumExp", {x}, {{"axes", std::vector<int64_t>{1}}}})[0]);
  EXPECT_NEAR(y({0, 0}), 1000 + std::log(2), 1e-3);
  EXPECT_NEAR(y({1, 0}), -1000 + std::log(2), 1e-3);
}

TEST(ReductionOperators, ReduceSum_OfManyHalvesDoesNotStall) {
  // In float16, 2048 + 1 is 2048.
  const Tensor x = Tensor::from<float>({4096}, std::vector<float>(4096, 1.0f)).cast(DType::f16);
  EXPECT_EQ(Array(run({"ReduceSum", {x}})[0]).values(), std::vector<double>{4096});
}

}  // namespace
}  // namespace betimes::graph

#include <gtest/gtest.h>

#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/kernels/vector/loops.h"

// The loops of every level against their definitions in double.

namespace betimes::runtime {
namespace {

/// Runs the loop over a row of every length up to 70 and some longer ones.
template <class Loop, class Expected>
void check_rows(const Loop& loop, double tolerance, const Expected& expected, float size = 4) {
  for (int64_t count = 1; count < 1100; count += count < 70 ? 1 : 331) {
    const Tensor in = testing::random_tensor({count}, static_cast<uint32_t>(count), -size, size);
    Tensor out(DType::f32, {count}), right(DType::f64, {count});
    loop(in.data<float>().data(), out.mutable_data<float>().data(), count);
    std::vector<double> x(in.data<float>().begin(), in.data<float>().end());
    expected(x, right.mutable_data<double>());
    EXPECT_LE(testing::relative_error(out, right), tolerance) << count << " numbers";
  }
}

void softmax_of(const std::vector<double>& x, std::span<double> y, bool logarithm) {
  const double top = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double v : x) sum += std::exp(v - top);
  for (size_t i = 0; i < x.size(); ++i) {
    y[i] = logarithm ? x[i] - top - std::log(sum) : std::exp(x[i] - top) / sum;
  }
}

TEST(VectorLoops, SoftmaxOfEveryLevelAgreesWithTheDefinition) {
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    const auto shares = [](const auto& x, auto y) { softmax_of(x, y, false); };
    const auto logarithms = [](const auto& x, auto y) { softmax_of(x, y, true); };
    for (const float size : {4.0f, 200.0f}) {
      check_rows(loops->softmax, 1e-6, shares, size);
      check_rows(loops->log_softmax, 1e-6, logarithms, size);
    }
  }
}

TEST(VectorLoops, SoftmaxGivesMaskedPlacesExactlyNothing) {
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    std::vector<float> row(37, -INFINITY), out(37);
    row[5] = 1;
    row[36] = 1;
    loops->softmax(row.data(), out.data(), 37);
    for (size_t i = 0; i < 37; ++i) EXPECT_EQ(out[i], i == 5 || i == 36 ? 0.5f : 0.0f);
    row[7] = NAN;
    loops->softmax(row.data(), out.data(), 37);
    EXPECT_TRUE(std::isnan(out[0]) && std::isnan(out[36]));
  }
}

TEST(VectorLoops, GeluOfEveryLevelAgreesWithTheDefinition) {
  using Kind = graph::Activation::Kind;
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    for (const Kind kind : {Kind::gelu, Kind::gelu_tanh}) {
      const auto loop = [&](const float* in, float* out, int64_t count) {
        loops->activate({kind}, in, out, count);
      };
      const auto right = [&](const std::vector<double>& x, std::span<double> y) {
        for (size_t i = 0; i < x.size(); ++i) {
          const double u = std::sqrt(2 / M_PI) * (x[i] + 0.044715 * x[i] * x[i] * x[i]);
          y[i] = kind == Kind::gelu ? x[i] * std::erfc(-x[i] / std::sqrt(2.0)) / 2
                                    : x[i] / (1 + std::exp(-2 * u));
        }
      };
      for (const float size : {0.1f, 4.0f, 30.0f}) check_rows(loop, 5e-6, right, size);
    }
    // The negative side keeps its digits and its zero; infinities and NaN are what they should be.
    const std::vector<float> in = {-5, -13, -1e30f, INFINITY, NAN, 0};
    std::vector<float> out(in.size());
    loops->activate({Kind::gelu}, in.data(), out.data(), 6);
    EXPECT_NEAR(out[0], -1.43325786e-6, 2e-12);
    EXPECT_NEAR(out[1], 0, 1e-30);
    EXPECT_NEAR(out[2], 0, 1e-30);
    EXPECT_EQ(out[3], INFINITY);
    EXPECT_TRUE(std::isnan(out[4]));
    EXPECT_EQ(out[5], 0);
  }
}

TEST(VectorLoops, ActivationsOfEveryLevelAgreeWithTheirDefinition) {
  using Kind = graph::Activation::Kind;
  for (const Loops* loops : all_loops()) {
    for (int kind = 0; kind <= static_cast<int>(Kind::reciprocal); ++kind) {
      const graph::Activation f{static_cast<Kind>(kind), 0.3f, 0.9f};
      SCOPED_TRACE(std::string(loops->level) + " " + std::string(name(f.kind)));
      const auto loop = [&](const float* in, float* out, int64_t count) {
        loops->activate(f, in, out, count);
      };
      check_rows(loop, 5e-6, [&](const std::vector<double>& x, std::span<double> y) {
        for (size_t i = 0; i < x.size(); ++i)
          y[i] = static_cast<double>(f(static_cast<float>(x[i])));
      });
    }
  }
}

TEST(VectorLoops, ExponentialsOverflowAndVanishWhereTheyShould) {
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    const std::vector<float> in = {88.5f, 89, 1000, -104, -1000, INFINITY, -INFINITY, NAN, 0};
    std::vector<float> out(in.size());
    loops->activate({graph::Activation::Kind::exponential}, in.data(), out.data(), 9);
    EXPECT_NEAR(out[0] / 2.723088e38f, 1, 1e-5);
    for (const size_t i : {1, 2, 5}) EXPECT_EQ(out[i], INFINITY) << in[i];
    for (const size_t i : {3, 4, 6}) EXPECT_LT(out[i], 1e-44f) << in[i];
    EXPECT_TRUE(std::isnan(out[7]));
    EXPECT_EQ(out[8], 1);
  }
}

}  // namespace
}  // namespace betimes::runtime

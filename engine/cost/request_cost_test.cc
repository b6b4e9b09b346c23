#include "betimes/cost/request_cost.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "betimes/base/error.h"

namespace betimes::cost {
namespace {

/// A power law, which the interpolation follows exactly.
Prediction power(int64_t extent) {
  const double ms = 0.5 * std::pow(static_cast<double>(extent), 0.8);
  Prediction found;
  found.p50 = ms;
  found.p90 = 1.1 * ms;
  found.p99 = 1.5 * ms;
  found.low = 0.9 * ms;
  found.high = 1.2 * ms;
  return found;
}

TEST(RequestCost, InterpolatesOnLogarithms) {
  const RequestCost cost({1, 4, 32}, power);
  for (const int64_t extent : {1, 2, 3, 4, 5, 31, 32, 100}) {
    const RequestCost::Latency found = cost.at(extent);
    const Prediction wanted = power(extent);
    EXPECT_NEAR(found.p50, wanted.p50, 1e-9) << extent;
    EXPECT_NEAR(found.p90, wanted.p90, 1e-9);
    EXPECT_NEAR(found.p99, wanted.p99, 1e-9);
    EXPECT_NEAR(found.low, wanted.low, 1e-9);
    EXPECT_NEAR(found.high, wanted.high, 1e-9);
  }
}

TEST(RequestCost, IsExactAtItsPointsWhateverTheirShape) {
  const auto odd = [](int64_t extent) {
    Prediction found = power(extent);
    found.p50 = extent == 8 ? 7.0 : 1.0;
    return found;
  };
  const RequestCost cost({2, 8, 16}, odd);
  EXPECT_NEAR(cost.at(8).p50, 7, 1e-12);
  EXPECT_NEAR(cost.at(16).p50, 1, 1e-12);
  EXPECT_NEAR(cost.at(4).p50, std::sqrt(7), 1e-12);
  EXPECT_EQ(RequestCost({5}, odd).at(50).p50, 1);
}

TEST(RequestCost, RefusesExtentsThatMakeNoSense) {
  EXPECT_THROW(RequestCost({}, power), Error);
  EXPECT_THROW(RequestCost({0, 1}, power), Error);
  EXPECT_THROW(RequestCost({2, 2}, power), Error);
  EXPECT_THROW(RequestCost({1, 2}, power).at(0), Error);
}

TEST(RequestCost, AnswersWithinTwentyMicroseconds) {
  const RequestCost cost({1, 2, 4, 8, 16, 32, 64, 128}, power);
  constexpr int asked = 20'000;
  double sum = 0;
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < asked; ++i) sum += cost.at(1 + i % 128).p99;
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begun;
  EXPECT_GT(sum, 0);
  EXPECT_LT(took.count() / asked, 20);
}

}  // namespace
}  // namespace betimes::cost

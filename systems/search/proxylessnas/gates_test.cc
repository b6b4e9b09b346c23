#include "systems/search/proxylessnas/gates.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "betimes/base/error.h"

namespace betimes::systems::proxylessnas {
namespace {

double sum(const Weights& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

/// Central differences of a function of the weights.
Weights numeric_gradient(const Weights& at, const std::function<double(const Weights&)>& f) {
  constexpr double step = 1e-5;
  Weights found;
  for (size_t i = 0; i < at.size(); ++i) {
    Weights up = at, down = at;
    up[i] += step;
    down[i] -= step;
    found.push_back((f(up) - f(down)) / (2 * step));
  }
  return found;
}

void expect_near(const Weights& a, const Weights& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << i;
}

const Weights alpha = {0.3, -1.2, 0.9, 0.0, 2.0};

TEST(Softmax, IsADistributionForAnyFiniteWeights) {
  EXPECT_NEAR(sum(softmax(alpha)), 1, 1e-12);
  const Weights extreme = softmax({1000, -1000, 999});
  EXPECT_NEAR(extreme[0], 1 / (1 + std::exp(-1.0)), 1e-12);
  EXPECT_EQ(extreme[1], 0);
  EXPECT_NEAR(entropy({0.25, 0.25, 0.25, 0.25}), std::log(4), 1e-12);
  EXPECT_EQ(entropy({1, 0}), 0);
  EXPECT_THROW(softmax({}), Error);
}

TEST(WeightGradient, IsTheChainRuleThroughSoftmax) {
  const Weights by_gate = {1.5, -0.2, 0.7, 3.0, -1.0};
  const auto linear = [&](const Weights& weights) { return expected(softmax(weights), by_gate); };
  expect_near(weight_gradient(softmax(alpha), by_gate), numeric_gradient(alpha, linear), 1e-8);
  EXPECT_NEAR(sum(weight_gradient(softmax(alpha), by_gate)), 0, 1e-12);
  EXPECT_THROW(weight_gradient(softmax(alpha), {1, 2}), Error);
}

TEST(ExpectedLatency, HasTheGradientOfItsFormula) {
  const Weights costs = {0.4, 1.1, 0.0, 2.5, 0.9};
  const auto f = [&](const Weights& weights) { return expected(softmax(weights), costs); };
  expect_near(expected_gradient(softmax(alpha), costs), numeric_gradient(alpha, f), 1e-8);
}

TEST(PairDraw, FollowsSamplingWithoutReplacement) {
  const Weights weights = {0.0, std::log(2.0), std::log(3.0)};  // p = 1/6, 1/3, 1/2
  const Weights p = softmax(weights);
  Random random(3);
  constexpr int draws = 200'000;
  std::vector<std::vector<double>> seen(3, std::vector<double>(3, 0.0));
  for (int i = 0; i < draws; ++i) {
    const Pair pair = draw_pair(weights, random);
    ASSERT_NE(pair.active, pair.inactive);
    seen[pair.active][pair.inactive] += 1.0 / draws;
  }
  for (size_t a = 0; a < 3; ++a) {
    for (size_t b = 0; b < 3; ++b) {
      if (a == b) continue;
      const double both = p[a] * p[b] / (1 - p[a]) + p[b] * p[a] / (1 - p[b]);
      EXPECT_NEAR(seen[a][b], both * p[a] / (p[a] + p[b]), 0.005);
    }
  }
  EXPECT_THROW(draw_pair({1}, random), Error);
  EXPECT_NE(draw_pair({1000, 0}, random).active, draw_pair({0, 1000}, random).active);
}

TEST(KeepMass, LeavesTheOthersProbabilitiesAlone) {
  const Pair pair{3, 1};
  Weights weights = alpha;
  weights[pair.active] += 0.7;
  weights[pair.inactive] -= 0.4;
  const double ratio = weights[pair.active] - weights[pair.inactive];
  keep_mass(weights, alpha, pair);
  const Weights before = softmax(alpha), after = softmax(weights);
  for (const size_t other : {0u, 2u, 4u}) EXPECT_NEAR(after[other], before[other], 1e-12);
  EXPECT_NEAR(after[1] + after[3], before[1] + before[3], 1e-12);
  EXPECT_NEAR(weights[pair.active] - weights[pair.inactive], ratio, 1e-12);
}

TEST(LatencyLoss, HasTheDerivativesOfItsFormulas) {
  for (const LatencyLoss::Form form :
       {LatencyLoss::Form::none, LatencyLoss::Form::additive, LatencyLoss::Form::multiplicative}) {
    const LatencyLoss loss{form, 0.3, 0.2, 1.7};
    for (const double ce : {0.4, 2.1}) {
      for (const double ms : {0.05, 1.7, 40.0}) {
        constexpr double step = 1e-6;
        const auto found = loss(ce, ms);
        EXPECT_NEAR(found.by_cross_entropy,
                    (loss(ce + step, ms).loss - loss(ce - step, ms).loss) / (2 * step), 1e-6);
        EXPECT_NEAR(found.by_latency,
                    (loss(ce, ms + step).loss - loss(ce, ms - step).loss) / (2 * step), 1e-6);
      }
    }
  }
}

TEST(LatencyLoss, IsThePapersFormAtItsReference) {
  EXPECT_DOUBLE_EQ((LatencyLoss{LatencyLoss::Form::additive, 0.1, 0.2, 80}(1.5, 80).loss), 1.5);
  EXPECT_DOUBLE_EQ((LatencyLoss{LatencyLoss::Form::additive, 0.1, 0.2, 80}(1.5, 160).loss), 1.6);
  EXPECT_DOUBLE_EQ((LatencyLoss{LatencyLoss::Form::multiplicative, 0.3, 0.2, 80}(1.5, 80).loss),
                   0.3);
  EXPECT_GT((LatencyLoss{LatencyLoss::Form::multiplicative, 0.3, 0.2, 80}(1.5, 90).loss), 0.3);
}

TEST(LatencyLoss, RefusesTimesThatHaveNoLogarithmicScale) {
  const LatencyLoss loss{LatencyLoss::Form::multiplicative, 0.3, 0.2, 1};
  EXPECT_THROW(loss(1, 0.001), Error);
  EXPECT_THROW(loss(1, 0), Error);
  EXPECT_THROW((LatencyLoss{LatencyLoss::Form::multiplicative, 0.3, 0.2, 0.0005}(1, 1)), Error);
  EXPECT_THROW((LatencyLoss{LatencyLoss::Form::additive, 0.3, 0.2, 0}(1, 1)), Error);
}

TEST(Reinforce, GradientIsThatOfTheLogarithm) {
  for (size_t choice = 0; choice < alpha.size(); ++choice) {
    const auto f = [&](const Weights& weights) { return -std::log(softmax(weights)[choice]); };
    expect_near(negative_log_gradient(softmax(alpha), choice), numeric_gradient(alpha, f), 1e-8);
  }
}

TEST(Reinforce, IsUnbiased) {
  // The mean over draws of R * d(-log p) is -d E[R] / d alpha.
  const Weights rewards = {1, 3, -2, 0.5, 2}, p = softmax(alpha);
  Weights mean(alpha.size());
  for (size_t choice = 0; choice < alpha.size(); ++choice) {
    const Weights own = negative_log_gradient(p, choice);
    for (size_t i = 0; i < own.size(); ++i) mean[i] += p[choice] * rewards[choice] * own[i];
  }
  Weights exact = weight_gradient(p, rewards);
  for (double& value : exact) value = -value;
  expect_near(mean, exact, 1e-12);
  ReinforceBaseline baseline;
  baseline.see(4);
  EXPECT_DOUBLE_EQ(baseline.value(), 4);
  baseline.see(2);
  EXPECT_NEAR(baseline.value(), 4 + 0.99 * (2 - 4), 1e-12);
}

TEST(PlainAdam, MovesByItsRateAtFirstAndLeavesOthersAlone) {
  PlainAdam adam(0.01);
  Weights weights = {1, 2, 3};
  adam.step(weights, {5, -0.1, 7}, {0, 1});
  EXPECT_NEAR(weights[0], 0.99, 1e-6);
  EXPECT_NEAR(weights[1], 2.01, 1e-6);
  EXPECT_EQ(weights[2], 3);
  // The second step of the first weight, by the definition; the first one of the third.
  adam.step(weights, {1, 0, -4}, {0, 2});
  const double square = (0.999 * 0.001 * 25 + 0.001 * 1) / (1 - 0.999 * 0.999);
  EXPECT_NEAR(weights[0], 0.99 - 0.01 / std::sqrt(square), 1e-6);
  EXPECT_NEAR(weights[2], 3.01, 1e-6);
}

}  // namespace
}  // namespace betimes::systems::proxylessnas

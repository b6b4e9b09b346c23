#include "systems/search/interlayer-ptq/ordering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "betimes/base/error.h"

namespace betimes::systems::interlayer_ptq {
namespace {

/// Loss of a quadratic model: x_l = 1 where layer l is quantised, loss = x^T M x / 2.
struct Quadratic {
  std::vector<std::vector<double>> m;
  explicit Quadratic(size_t n, uint64_t seed) : m(n, std::vector<double>(n)) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < i; ++j) m[i][j] = m[j][i] = normal(random);
      m[i][i] = 2 + std::abs(normal(random));
    }
  }
  double operator()(const std::vector<size_t>& set) const {
    double loss = 0;
    for (const size_t i : set) {
      for (const size_t j : set) loss += m[i][j] / 2;
    }
    return loss;
  }
};

TEST(Interactions, OfAQuadraticLossAreItsOffDiagonal) {
  const Quadratic model(7, 1);
  const Interactions found = measure_interactions(7, 7, {}, model);
  EXPECT_EQ(found.evaluations, 7 + 21);
  for (size_t l = 0; l < 7; ++l) {
    EXPECT_NEAR(found.alone[l], model.m[l][l] / 2, 1e-12);
    double positive = 0;
    for (size_t k = 0; k < 7; ++k) {
      if (k == l) continue;
      EXPECT_NEAR(found.between[l][k], model.m[l][k], 1e-12);
      positive += std::max(0.0, model.m[l][k]);
    }
    EXPECT_NEAR(augmentation(found)[l], positive, 1e-12);
  }
}

TEST(Interactions, ReachIsKeptButForPartners) {
  const Quadratic model(6, 2);
  const Interactions found = measure_interactions(6, 1, {{0, 5}}, model);
  EXPECT_EQ(found.evaluations, 6 + 5 + 1);
  EXPECT_EQ(found.between[0][2], 0);
  EXPECT_NEAR(found.between[0][5], model.m[0][5], 1e-12);
  EXPECT_NEAR(found.between[5][0], model.m[0][5], 1e-12);
}

TEST(Ordering, ScoresAreScaledByTheirMeans) {
  const auto scores = augmented_scores({1, 3, -2}, {0, 4, 2}, 0.5);
  EXPECT_NEAR(scores[0], 1 / (4.0 / 3), 1e-12);
  EXPECT_NEAR(scores[1], 3 / (4.0 / 3) + 0.5 * 2, 1e-12);
  EXPECT_NEAR(scores[2], 0.5, 1e-12);
  EXPECT_EQ(augmented_scores({0, 0}, {0, 0}, 1), (std::vector<double>{0, 0}));
  EXPECT_EQ(order_by({1, 0, 1, 1}, {5, 9, 2, 5}), (std::vector<size_t>{1, 2, 0, 3}));
}

/// Quality falls with every layer's cost at its precision, so bisection is exact.
double additive_quality(const Configuration& bits, const std::vector<double>& cost) {
  double quality = 1;
  for (size_t l = 0; l < bits.size(); ++l) {
    if (bits[l] == 8) quality -= cost[l];
    if (bits[l] == 4) quality -= 8 * cost[l];
  }
  return quality;
}

TEST(Bisection, FindsTheLargestPrefixOfEachPrecision) {
  std::mt19937_64 random(3);
  for (int trial = 0; trial < 200; ++trial) {
    const size_t n = 1 + random() % 11;
    std::vector<double> cost;
    for (size_t l = 0; l < n; ++l) cost.push_back(static_cast<double>(random() % 1000) * 1e-5);
    const std::vector<size_t> order = order_by(cost, std::vector<int64_t>(n, 1));
    const auto quality = [&](const Configuration& bits) { return additive_quality(bits, cost); };
    const double target = 1 - static_cast<double>(random() % 1000) * 5e-5;
    const Found found = bisect({8, 4}, {order, order}, quality, target);
    EXPECT_GE(found.quality, target);
    EXPECT_NEAR(found.quality, quality(found.bits), 1e-12);
    // By hand: the longest prefix at 8, then the longest prefix of it at 4.
    Configuration expected(n, 16);
    for (const int to : {8, 4}) {
      for (const size_t layer : order) {
        Configuration next = expected;
        if (next[layer] != (to == 8 ? 16 : 8)) continue;
        next[layer] = to;
        if (quality(next) < target) break;
        expected = next;
      }
    }
    EXPECT_EQ(found.bits, expected);
    EXPECT_LE(found.evaluations, 3 + 2 * (std::ceil(std::log2(static_cast<double>(n) + 1)) + 1));
  }
}

TEST(Bisection, StepsBackWhereQualityIsntMonotone) {
  // Three layers keep the target, two don't: the bisection asks for two and for one.
  const auto quality = [](const Configuration& bits) {
    const auto low = std::count(bits.begin(), bits.end(), 8);
    return low == 2 ? 0.0 : low == 1 ? 0.9 : 1.0;
  };
  const Found found = bisect({8}, {{0, 1, 2}}, quality, 0.95);
  EXPECT_GE(found.quality, 0.95);
}

TEST(Bisection, NothingIsLoweredWhereNothingKeepsTheTarget) {
  const auto quality = [](const Configuration& bits) {
    return std::count(bits.begin(), bits.end(), 16) == 4 ? 1.0 : 0.5;
  };
  EXPECT_EQ(bisect({8, 4}, {{0, 1, 2, 3}, {0, 1, 2, 3}}, quality, 0.9).bits,
            Configuration({16, 16, 16, 16}));
  EXPECT_EQ(greedy({8, 4}, {{0, 1, 2, 3}, {0, 1, 2, 3}}, quality, 0.9).bits,
            Configuration({16, 16, 16, 16}));
}

TEST(Greedy, NeverLowersFewerThanBisectionOnAdditiveQuality) {
  std::mt19937_64 random(5);
  for (int trial = 0; trial < 100; ++trial) {
    std::vector<double> cost;
    for (int l = 0; l < 9; ++l) cost.push_back(static_cast<double>(random() % 1000) * 1e-5);
    std::vector<size_t> order(9);
    for (size_t l = 0; l < 9; ++l) order[l] = (l * 4) % 9;  // some order, not the best one
    const auto quality = [&](const Configuration& bits) { return additive_quality(bits, cost); };
    const Found walked = greedy({8}, {order}, quality, 0.98);
    const Found halved = bisect({8}, {order}, quality, 0.98);
    EXPECT_GE(walked.quality, 0.98);
    EXPECT_GE(std::count(walked.bits.begin(), walked.bits.end(), 8),
              std::count(halved.bits.begin(), halved.bits.end(), 8));
  }
}

TEST(Exhaustive, FindsTheCheapestThatHolds) {
  const std::vector<double> loss = {0.01, 0.02, 0.04, 0.08};
  const auto quality = [&](const Configuration& bits) { return additive_quality(bits, loss); };
  const std::vector<double> gain = {1, 3, 5, 4};
  const auto cost = [&](const Configuration& bits) {
    double sum = 20;
    for (size_t l = 0; l < 4; ++l) sum -= bits[l] == 8 ? gain[l] : 0;
    return sum;
  };
  const Found found = exhaustive(4, {8}, quality, cost, 0.94);
  EXPECT_EQ(found.bits, Configuration({16, 8, 8, 16}));
  EXPECT_THROW(exhaustive(13, {8}, quality, cost, 0.9), Error);
  EXPECT_THROW(bisect({9}, {{0}}, quality, 0.9), Error);
  EXPECT_THROW(bisect({8, 4}, {{0}}, quality, 0.9), Error);
}

}  // namespace
}  // namespace betimes::systems::interlayer_ptq

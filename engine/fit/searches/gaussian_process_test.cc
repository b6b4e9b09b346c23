#include "betimes/fit/searches/detail/gaussian_process.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "betimes/base/random.h"

namespace betimes::fit::detail {
namespace {

using Matrix = std::vector<std::vector<double>>;

/// Gauss and Jordan, without any library.
Matrix inverse(Matrix a) {
  const size_t n = a.size();
  Matrix b(n, std::vector<double>(n, 0.0));
  for (size_t i = 0; i < n; ++i) b[i][i] = 1;
  for (size_t c = 0; c < n; ++c) {
    size_t pivot = c;
    for (size_t r = c; r < n; ++r) {
      if (std::fabs(a[r][c]) > std::fabs(a[pivot][c])) pivot = r;
    }
    std::swap(a[c], a[pivot]);
    std::swap(b[c], b[pivot]);
    const double scale = a[c][c];
    for (size_t j = 0; j < n; ++j) a[c][j] /= scale, b[c][j] /= scale;
    for (size_t r = 0; r < n; ++r) {
      if (r == c) continue;
      const double factor = a[r][c];
      for (size_t j = 0; j < n; ++j) a[r][j] -= factor * a[c][j], b[r][j] -= factor * b[c][j];
    }
  }
  return b;
}

struct Sample {
  Eigen::MatrixXd inputs;
  Eigen::VectorXd values;
};

Sample sample(int count, int width, uint64_t seed) {
  Random random(seed);
  Sample made{Eigen::MatrixXd(count, width), Eigen::VectorXd(count)};
  for (int i = 0; i < count; ++i) {
    double sum = 3;
    for (int j = 0; j < width; ++j) {
      made.inputs(i, j) = random.uniform();
      sum += std::sin(4 * made.inputs(i, j)) * (j + 1);
    }
    made.values(i) = sum;
  }
  return made;
}

double kernel(const Eigen::VectorXd& a, const Eigen::VectorXd& b, double length) {
  const double d = (a - b).norm() / length;
  return (1 + std::sqrt(5.0) * d + 5 * d * d / 3) * std::exp(-std::sqrt(5.0) * d);
}

TEST(GaussianProcess, PredictsWhatTheFormulaDoes) {
  const Sample made = sample(12, 2, 1);
  const GaussianProcess process(made.inputs, made.values);
  double mean = 0, variance = 0;
  for (int i = 0; i < 12; ++i) mean += made.values(i) / 12;
  for (int i = 0; i < 12; ++i) variance += (made.values(i) - mean) * (made.values(i) - mean) / 12;
  const double scale = std::sqrt(variance);
  Matrix covariance(12, std::vector<double>(12));
  for (int i = 0; i < 12; ++i) {
    for (int j = 0; j < 12; ++j) {
      covariance[size_t(i)][size_t(j)] =
          kernel(made.inputs.row(i), made.inputs.row(j), process.length()) +
          (i == j ? process.noise() : 0);
    }
  }
  const Matrix precision = inverse(covariance);
  Random random(2);
  for (int round = 0; round < 20; ++round) {
    const Eigen::Vector2d at(random.uniform(-0.5, 1.5), random.uniform(-0.5, 1.5));
    double expected = mean, left = 1;
    for (int i = 0; i < 12; ++i) {
      for (int j = 0; j < 12; ++j) {
        const double weight = precision[size_t(i)][size_t(j)];
        const double ki = kernel(made.inputs.row(i), at, process.length());
        expected += ki * weight * (made.values(j) - mean);
        left -= ki * weight * kernel(made.inputs.row(j), at, process.length());
      }
    }
    const Belief belief = process.predict(at);
    EXPECT_NEAR(belief.mean, expected, 1e-5);
    EXPECT_NEAR(belief.deviation, scale * std::sqrt(std::max(left, 0.0)), 1e-4);
  }
}

TEST(GaussianProcess, LearnsASmoothFunction) {
  const Sample known = sample(60, 2, 3), unseen = sample(200, 2, 4);
  const GaussianProcess process(known.inputs, known.values);
  double error = 0, spread = 0;
  for (int i = 0; i < 200; ++i) {
    const Belief belief = process.predict(unseen.inputs.row(i));
    error += std::pow(belief.mean - unseen.values(i), 2);
    spread += std::pow(known.values.mean() - unseen.values(i), 2);
  }
  EXPECT_LT(error, 0.01 * spread);
}

TEST(GaussianProcess, LivesWithOnePointAndWithEqualOnes) {
  const GaussianProcess one(Eigen::MatrixXd::Zero(1, 2), Eigen::VectorXd::Constant(1, 5));
  EXPECT_NEAR(one.predict(Eigen::Vector2d(1, 1)).mean, 5, 1e-9);
  Eigen::VectorXd values(4);
  values << 1, 2, 1, 2;
  const GaussianProcess same(Eigen::MatrixXd::Zero(4, 2), values);
  EXPECT_NEAR(same.predict(Eigen::Vector2d(0, 0)).mean, 1.5, 1e-6);
}

TEST(GaussianProcess, ExpectedImprovementIsAMeanOverDraws) {
  Random random(5);
  for (const double gap : {-1.5, 0.0, 0.8}) {
    const Belief belief{2 + gap, 0.7};
    double sum = 0;
    constexpr int draws = 200'000;
    for (int i = 0; i < draws; ++i) {
      sum += std::max(belief.mean + belief.deviation * random.normal() - 2, 0.0) / draws;
    }
    EXPECT_NEAR(expected_improvement(belief, 2), sum, 0.006);
  }
  EXPECT_EQ(expected_improvement({3, 0}, 2), 1);
  EXPECT_EQ(expected_improvement({1, 0}, 2), 0);
  EXPECT_NEAR(probability_below({1, 2}, 1), 0.5, 1e-12);
  EXPECT_NEAR(probability_below({0, 1}, 1.6448536), 0.95, 1e-6);
  EXPECT_EQ(probability_below({1, 0}, 0.5), 0);
}

}  // namespace
}  // namespace betimes::fit::detail

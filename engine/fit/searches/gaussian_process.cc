#include "betimes/fit/searches/detail/gaussian_process.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace betimes::fit::detail {
namespace {

// Lengths in units of the distance from one corner of the cube to the opposite one.
constexpr double lengths[] = {0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2};
constexpr double noises[] = {1e-6, 1e-4, 1e-2, 1e-1};
constexpr double least_deviation = 1e-9;

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }
double normal_density(double z) { return std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi); }

}  // namespace

double matern52(double distance_over_length) {
  const double r = std::sqrt(5.0) * distance_over_length;
  return (1 + r + r * r / 3) * std::exp(-r);
}

double expected_improvement(const Belief& belief, double best) {
  const double gain = belief.mean - best;
  if (belief.deviation < least_deviation) return std::max(gain, 0.0);
  const double z = gain / belief.deviation;
  return gain * normal_cdf(z) + belief.deviation * normal_density(z);
}

double probability_below(const Belief& belief, double bound) {
  if (belief.deviation < least_deviation) return belief.mean <= bound ? 1 : 0;
  return normal_cdf((bound - belief.mean) / belief.deviation);
}

GaussianProcess::GaussianProcess(Eigen::MatrixXd inputs, const Eigen::VectorXd& values)
    : inputs_(std::move(inputs)) {
  const Eigen::Index count = inputs_.rows();
  mean_ = values.mean();
  const double variance = (values.array() - mean_).square().mean();
  scale_ = variance > 0 ? std::sqrt(variance) : 1.0;
  const Eigen::VectorXd scaled = (values.array() - mean_) / scale_;
  Eigen::MatrixXd distances(count, count);
  for (Eigen::Index i = 0; i < count; ++i) {
    for (Eigen::Index j = 0; j < count; ++j) {
      distances(i, j) = (inputs_.row(i) - inputs_.row(j)).norm();
    }
  }
  const double diagonal = std::sqrt(static_cast<double>(std::max<Eigen::Index>(inputs_.cols(), 1)));
  log_likelihood_ = -std::numeric_limits<double>::infinity();
  double best_length = diagonal, best_noise = noises[3];
  double best = log_likelihood_;
  for (const double length : lengths) {
    for (const double noise : noises) {
      if (!fit(distances, scaled, length * diagonal, noise) || log_likelihood_ <= best) continue;
      best = log_likelihood_;
      best_length = length * diagonal;
      best_noise = noise;
    }
  }
  fit(distances, scaled, best_length, best_noise);
}

bool GaussianProcess::fit(const Eigen::MatrixXd& distances, const Eigen::VectorXd& scaled,
                          double length, double noise) {
  Eigen::MatrixXd covariance = distances.unaryExpr([&](double d) { return matern52(d / length); });
  covariance.diagonal().array() += noise;
  factor_.compute(covariance);
  if (factor_.info() != Eigen::Success) return false;
  length_ = length;
  noise_ = noise;
  weights_ = factor_.solve(scaled);
  const Eigen::MatrixXd& lower = factor_.matrixLLT();  // its lower triangle is the factor
  log_likelihood_ = -0.5 * scaled.dot(weights_) - lower.diagonal().array().log().sum() -
                    0.5 * static_cast<double>(scaled.size()) * std::log(2 * std::numbers::pi);
  return true;
}

Belief GaussianProcess::predict(const Eigen::VectorXd& input) const {
  Eigen::VectorXd shared(inputs_.rows());
  for (Eigen::Index i = 0; i < inputs_.rows(); ++i) {
    shared(i) = matern52((inputs_.row(i).transpose() - input).norm() / length_);
  }
  const double variance = 1 - shared.dot(factor_.solve(shared));
  return {mean_ + scale_ * shared.dot(weights_), scale_ * std::sqrt(std::max(variance, 0.0))};
}

}  // namespace betimes::fit::detail

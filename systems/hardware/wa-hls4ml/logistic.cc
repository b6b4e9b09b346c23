#include "systems/hardware/wa-hls4ml/logistic.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"

namespace betimes::systems::wa_hls4ml {
namespace {

constexpr int newton_steps = 30;

double sigmoid(double value) { return 1 / (1 + std::exp(-value)); }

}  // namespace

Logistic::Logistic(std::span<const double> rows, const std::vector<bool>& happened, size_t width,
                   double ridge) {
  const size_t count = happened.size();
  if (count == 0 || width == 0 || rows.size() != count * width) {
    throw Error("logistic regression", fmt::format("{} features for {} cases", rows.size(), count),
                fmt::format("{} each", width));
  }
  const auto n = static_cast<Eigen::Index>(count), d = static_cast<Eigen::Index>(width);
  Eigen::MatrixXd x(n, d + 1);
  for (size_t j = 0; j < width; ++j) {
    std::vector<double> column(count);
    for (size_t i = 0; i < count; ++i) column[i] = rows[i * width + j];
    mean_.push_back(mean(column));
    scale_.push_back(std::max(standard_deviation(column), 1e-12));
    for (size_t i = 0; i < count; ++i) {
      x(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) =
          (column[i] - mean_[j]) / scale_[j];
    }
  }
  x.col(d).setOnes();
  Eigen::VectorXd weights = Eigen::VectorXd::Zero(d + 1);
  for (int step = 0; step < newton_steps; ++step) {
    const Eigen::VectorXd scores = x * weights;
    Eigen::VectorXd gradient = -ridge * weights;
    Eigen::MatrixXd curvature = ridge * Eigen::MatrixXd::Identity(d + 1, d + 1);
    for (Eigen::Index i = 0; i < n; ++i) {
      const double p = sigmoid(scores[i]);
      gradient += ((happened[static_cast<size_t>(i)] ? 1.0 : 0.0) - p) * x.row(i).transpose();
      curvature += std::max(p * (1 - p), 1e-9) * x.row(i).transpose() * x.row(i);
    }
    weights += curvature.ldlt().solve(gradient);
  }
  weights_.assign(weights.data(), weights.data() + weights.size());
}

double Logistic::probability(std::span<const double> features) const {
  if (features.size() + 1 != weights_.size()) {
    throw Error("logistic regression", fmt::format("was given {} features", features.size()));
  }
  double score = weights_.back();
  for (size_t i = 0; i < features.size(); ++i) {
    score += weights_[i] * (features[i] - mean_[i]) / scale_[i];
  }
  return sigmoid(score);
}

}  // namespace betimes::systems::wa_hls4ml

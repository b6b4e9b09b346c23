#include "systems/hardware/mlir-cost-model/linear.h"

#include <Eigen/Dense>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"

namespace betimes::systems::mlir_cost_model {

Linear::Linear(const Examples& examples, double ridge) : means_(examples.width) {
  const size_t rows = examples.rows(), width = examples.width;
  if (rows == 0 || width == 0 || examples.features.size() != rows * width) {
    throw Error("examples", "need rows of features, one value each");
  }
  Eigen::MatrixXd x(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(width));
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < width; ++j) {
      x(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = double{examples.row(i)[j]};
    }
  }
  const Eigen::RowVectorXd middle = x.colwise().mean();
  x.rowwise() -= middle;
  Eigen::RowVectorXd scale = (x.colwise().squaredNorm() / static_cast<double>(rows)).cwiseSqrt();
  for (double& each : scale) each = each > 1e-12 ? each : 1;  // the same everywhere: weighs nothing
  x = x.array().rowwise() / scale.array();
  intercept_ = mean(examples.values);
  const Eigen::VectorXd y =
      Eigen::Map<const Eigen::VectorXd>(examples.values.data(), static_cast<Eigen::Index>(rows))
          .array() -
      intercept_;
  Eigen::MatrixXd normal = x.transpose() * x;
  normal.diagonal().array() += ridge * static_cast<double>(rows);
  const Eigen::VectorXd weights = normal.ldlt().solve(x.transpose() * y);
  for (size_t j = 0; j < width; ++j) {
    const auto at = static_cast<Eigen::Index>(j);
    means_[j] = middle(at);
    weights_.push_back(weights(at) / scale(at));
  }
}

double Linear::predict(std::span<const float> features) const {
  if (features.size() != weights_.size()) throw Error("features", "are of another width");
  double sum = intercept_;
  for (size_t j = 0; j < weights_.size(); ++j) {
    sum += weights_[j] * (double{features[j]} - means_[j]);
  }
  return sum;
}

}  // namespace betimes::systems::mlir_cost_model

#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>

namespace betimes::fit::detail {

struct Belief {
  double mean = 0;
  double deviation = 0;
};

/// Gaussian-process regression (Rasmussen and Williams 2006, algorithm 2.1) with one Matern 5/2
/// length for all coordinates. Values are standardised; length and noise are those of a small grid
/// with the greatest marginal likelihood.
class GaussianProcess {
 public:
  /// `inputs` [n, d] in [0, 1], `values` [n], n >= 1.
  GaussianProcess(Eigen::MatrixXd inputs, const Eigen::VectorXd& values);

  /// Of the function itself, without the noise of its measurements.
  Belief predict(const Eigen::VectorXd& input) const;

  double length() const { return length_; }
  double noise() const { return noise_; }
  double log_likelihood() const { return log_likelihood_; }

 private:
  bool fit(const Eigen::MatrixXd& distances, const Eigen::VectorXd& scaled, double length,
           double noise);

  Eigen::MatrixXd inputs_;
  double mean_ = 0, scale_ = 1;
  double length_ = 1, noise_ = 1;  // noise: variance, of standardised values
  double log_likelihood_ = 0;
  Eigen::LLT<Eigen::MatrixXd> factor_;
  Eigen::VectorXd weights_;  // (K + noise I)^-1 values
};

/// Matern 5/2 with variance 1, at a distance over the length.
double matern52(double distance_over_length);
/// Mean of max(value - best, 0) under the belief (Mockus 1978; Jones et al. 1998).
double expected_improvement(const Belief& belief, double best);
/// Probability that the value is at most `bound`.
double probability_below(const Belief& belief, double bound);

}  // namespace betimes::fit::detail

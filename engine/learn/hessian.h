#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace betimes::learn {

/// A scalar loss as a function of parameters that it holds.
using ScalarLoss = std::function<at::Tensor()>;

/// The Hessian of a loss in some parameters, by double backward: never formed, only multiplied.
/// ReLU and max pooling have no curvature of their own, and functions whose backward has no
/// derivative throw.
class Hessian {
 public:
  /// Evaluates the loss and its gradient once. A parameter that the loss doesn't depend on has a
  /// zero row.
  Hessian(const ScalarLoss& loss, std::vector<at::Tensor> parameters);

  double loss() const { return loss_; }
  const std::vector<at::Tensor>& gradient() const { return gradient_; }
  /// H v; `v` are shaped like the parameters (Pearlmutter 1994).
  std::vector<at::Tensor> times(const std::vector<at::Tensor>& v) const;

 private:
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> gradient_;  // with the graph that made it
  double loss_ = 0;
};

struct Trace {
  std::vector<double> of_parameter;    // trace of each parameter's own block
  std::vector<double> standard_error;  // of each estimate
};

/// Traces of the diagonal blocks, one a parameter, by Hutchinson's estimator (1990) with `draws`
/// Rademacher vectors over all parameters at once: E[v^T (H v)] restricted to a block is its trace,
/// because the products with the other blocks have mean zero.
Trace hutchinson_trace(const Hessian& hessian, const std::vector<at::Tensor>& parameters, int draws,
                       uint64_t seed);

}  // namespace betimes::learn

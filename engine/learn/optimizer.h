#pragma once

#include <torch/nn.h>
#include <torch/optim/optimizer.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "betimes/tensor/tensor.h"

namespace betimes::learn {

/// Which rule moves the weights, and how.
struct OptimizerOptions {
  enum class Kind { sgd, adam, adamw };
  Kind kind = Kind::sgd;
  double rate = 0.1;
  double momentum = 0.9;  // sgd: Nesterov's
  double beta1 = 0.9, beta2 = 0.999;
  bool amsgrad = false;
  double weight_decay = 0;
  bool decay_vectors = false;  // also of biases and norms, which are left alone otherwise
};

/// One group of parameters with its own rate.
struct ParameterGroup {
  std::vector<at::Tensor> parameters;
  double rate_factor = 1;
  bool decay = true;
};

/// An optimizer over groups of parameters whose rates move together.
class Optimizer {
 public:
  Optimizer(std::vector<ParameterGroup> groups, const OptimizerOptions& options);
  /// The usual groups: matrices and kernels with weight decay, vectors without.
  Optimizer(const torch::nn::Module& module, const OptimizerOptions& options);

  void zero_grad() { optimizer_->zero_grad(); }
  void step() { optimizer_->step(); }
  /// Rate = options.rate * the group's factor * `factor`.
  void set_factor(double factor);
  /// Scales the gradients so that their joint 2-norm is `norm` at most; returns what it was.
  double clip(double norm);

  /// Momenta and counts by name, to go on later exactly from here.
  std::map<std::string, Tensor> state() const;
  /// Throws Error when it isn't the state of such an optimizer.
  void load_state(const std::map<std::string, Tensor>& state);

 private:
  OptimizerOptions options_;
  std::vector<at::Tensor> parameters_;
  std::vector<double> factors_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

}  // namespace betimes::learn

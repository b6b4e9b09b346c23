#pragma once

#include <torch/nn.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "betimes/learn/trace.h"

namespace betimes::learn {

/// A module as a function of its parameters: the same computation with other weights, which may
/// themselves hang on something, so that gradients go through them (MAML; Finn et al. 2017). To any
/// order that LibTorch's operations have derivatives of.
class Functional {
 public:
  /// Records `forward` once on `examples`, in the mode that the module is in. As with trace(),
  /// control flow is fixed to the path they take; sizes may be, too.
  Functional(torch::nn::Module& module, const Forward& forward,
             const std::vector<at::Tensor>& examples);
  ~Functional();
  Functional(Functional&&) noexcept;

  /// Names of the parameters, in the order in which operator() takes them.
  const std::vector<std::string>& names() const { return names_; }
  /// Throws Error for another number of parameters.
  std::vector<at::Tensor> operator()(const std::vector<at::Tensor>& parameters,
                                     const std::vector<at::Tensor>& inputs) const;

 private:
  struct Recorded;
  std::unique_ptr<Recorded> recorded_;
  std::vector<std::string> names_;
};

}  // namespace betimes::learn

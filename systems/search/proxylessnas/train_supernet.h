#pragma once

#include <torch/nn.h>

#include <functional>
#include <vector>

#include "systems/search/common/train_blocks.h"
#include "systems/search/proxylessnas/choices.h"

namespace betimes::systems::proxylessnas {

/// Which candidates' gates an architecture step wants gradients of, one list a layer. The first is
/// the active one: the only path that activations and weights' gradients are kept for.
using Gates = std::vector<std::vector<size_t>>;
/// dL/dgate for each of them.
using GateGradients = std::vector<std::vector<double>>;

/// The over-parameterised network: every searchable layer holds all its candidates.
class SupernetImpl : public torch::nn::Module {
 public:
  explicit SupernetImpl(const Space& space);

  /// Images [B, 1, 28, 28] -> logits through one path.
  torch::Tensor forward(const torch::Tensor& images, const Choice& choice);
  /// The same through the active candidates; as backward() passes a layer, its wanted candidates
  /// are computed without a graph and dL/dg_j = sum(o_j(x) * dL/dy) goes into `gradients`, which
  /// must outlive it (Cai, Zhu and Han 2019, equation 4). What was computed is dropped at once, so
  /// memory stays that of one path and one candidate's forward pass.
  torch::Tensor forward(const torch::Tensor& images, const Gates& wanted, GateGradients& gradients);
  /// What it is compared with: all candidates, weighted by `gates` (one tensor [n] a layer), as
  /// DARTS mixes them.
  torch::Tensor forward_mixture(const torch::Tensor& images,
                                const std::vector<torch::Tensor>& gates);

 private:
  torch::Tensor run(size_t layer, size_t candidate, const torch::Tensor& x);
  torch::Tensor head(torch::Tensor x);

  std::vector<std::vector<search::BlockLayer>> candidates_;
  search::BlockLayer stem_{nullptr}, last_{nullptr}, classifier_{nullptr};
};
TORCH_MODULE(Supernet);

/// Most bytes of tensors that were alive at once on this thread while `work` ran, beyond those that
/// were before: what its activations, gradients and intermediates take.
int64_t peak_tensor_bytes(const std::function<void()>& work);

}  // namespace betimes::systems::proxylessnas

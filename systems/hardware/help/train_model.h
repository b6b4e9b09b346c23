#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "systems/hardware/help/device.h"
#include "systems/hardware/help/predictor.h"

namespace betimes::systems::help {

/// What a meta-learner has of HELP.
struct Method {
  std::string name;
  bool embedding = true;      // the predictor reads the hardware embedding
  bool modulator = true;      // so does a modulator of the head's weights
  bool learned_steps = true;  // a step size for every weight (Meta-SGD); else 1e-3 for all (MAML)
};
/// help, maml, meta-sgd, embedding-only, modulator-only. Meta-SGD is HELP without either.
std::vector<Method> all_methods();
Method find_method(const std::string& name);

/// Architectures of a device with their labels.
struct Batch {
  at::Tensor features;   // [count, width], or of graphs [nodes, count, width]
  at::Tensor adjacency;  // [nodes, nodes]; undefined: no graph
  at::Tensor labels;     // [count]
};
Batch make_batch(const Tables& tables, const Device& device, const std::vector<size_t>& which);
at::Tensor embedding_tensor(const Device& device);

/// A Predictor whose numbers are LibTorch's, as a function of its weights: what adapting makes of
/// them hangs on where it began, and the gradient goes through (MAML; Finn et al. 2017).
class MetaModel {
 public:
  /// Drawn as LibTorch draws its layers, from `seed` alone.
  MetaModel(const Method& method, const Tables& tables, uint64_t seed);

  /// Weights and biases in the order of Network::layers().
  using Weights = std::vector<at::Tensor>;
  const Weights& weights() const { return weights_; }
  /// All that is learned: weights, step sizes, modulator.
  std::vector<at::Tensor> parameters() const;
  bool modulates() const { return !modulator_.empty(); }
  int64_t noise_size() const;

  /// [count] predictions with these weights.
  at::Tensor predict(const Weights& weights, const Batch& batch, const at::Tensor& embedding) const;
  /// The weights that adapting begins with, and the divergence of z from N(0, I).
  struct Begin {
    Weights weights;
    at::Tensor divergence;  // undefined without a modulator
  };
  Begin begin(const at::Tensor& embedding, const at::Tensor& noise) const;
  /// Gradient steps on the batch; differentiable where `second_order`.
  Weights adapt(Weights weights, const Batch& batch, const at::Tensor& embedding, int steps,
                bool second_order) const;

  Predictor predictor() const;
  /// Takes over the numbers of one of the same method and space; throws Error for another.
  void load(const Predictor& predictor);

 private:
  template <class Visit>
  void each(Predictor& predictor, const Visit& visit) const;

  Predictor shape_;  // of the parts; its numbers are where training began
  Weights weights_, steps_, modulator_;
};

}  // namespace betimes::systems::help

#pragma once

#include <cstdint>
#include <functional>
#include <vector>

// Which layers to quantise first, and how many: sensitivities corrected for the layers' company,
// and a bisection over the order they give ("Augmenting Hessians with Inter-Layer Dependencies for
// Mixed-Precision Post-Training Quantization", 2023). Layers are numbers, precisions are bits.

namespace betimes::systems::interlayer_ptq {

/// Loss of the model with these layers quantised, all to the precision in question.
using SetLoss = std::function<double(const std::vector<size_t>& layers)>;

struct Interactions {
  std::vector<double> alone;                 // loss of each layer by itself
  std::vector<std::vector<double>> between;  // I(l, m) = loss(l, m) - loss(l) - loss(m); symmetric
  int64_t evaluations = 0;
};

/// Losses of single layers and of pairs. Layers are in the order of the network; pairs farther
/// apart than `reach` are taken not to interact, except those listed in `partners` (residual
/// additions).
Interactions measure_interactions(size_t layers, size_t reach,
                                  const std::vector<std::pair<size_t, size_t>>& partners,
                                  const SetLoss& loss,
                                  const std::function<void(double)>& progress = {});

/// D(l) = sum over m of max(0, I(l, m)): what the layer adds to others' harm (variant B).
std::vector<double> augmentation(const Interactions& interactions);

/// s(l) = E(l) / mean(E) + lambda * D(l) / mean(D); a mean of 0 leaves its term out. Negative
/// errors (a layer that happens to help) count as 0.
std::vector<double> augmented_scores(const std::vector<double>& errors,
                                     const std::vector<double>& augmentations, double lambda);

/// Layers from the least to the most sensitive; ties by fewer parameters, then by number.
std::vector<size_t> order_by(const std::vector<double>& scores,
                             const std::vector<int64_t>& parameters);

/// Bits of each layer.
using Configuration = std::vector<int>;

struct Found {
  Configuration bits;
  double quality = 0;
  int64_t evaluations = 0;
};

/// For each lower precision in turn, the largest k such that its first k candidates keep
/// quality >= target, by bisection; quality need not fall with k, so the end point is verified, and
/// k steps back until it holds. `orders[i]` is the order for `precisions[i]`; candidates for the
/// second precision are the layers that the first one lowered.
Found bisect(const std::vector<int>& precisions, const std::vector<std::vector<size_t>>& orders,
             const std::function<double(const Configuration&)>& quality, double target,
             int full_bits = 16);

/// The reference: walks each order and lowers a layer where the target still holds.
Found greedy(const std::vector<int>& precisions, const std::vector<std::vector<size_t>>& orders,
             const std::function<double(const Configuration&)>& quality, double target,
             int full_bits = 16);

/// The best of all configurations over `precisions` and `full_bits`: least cost with quality >=
/// target. For networks of at most 12 layers; throws Error beyond.
Found exhaustive(size_t layers, const std::vector<int>& precisions,
                 const std::function<double(const Configuration&)>& quality,
                 const std::function<double(const Configuration&)>& cost, double target,
                 int full_bits = 16);

}  // namespace betimes::systems::interlayer_ptq

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "betimes/tensor/tensor.h"
#include "systems/hardware/help/network.h"

namespace betimes::systems::help {

/// What meta-learning leaves: where adapting begins, how far it steps, and what it makes of a
/// device's embedding before that.
struct Predictor {
  Network network;
  std::optional<Network> steps;  // a step size for every weight (Meta-SGD); none: `step` for all
  float step = 1e-3f;
  /// Two layers from the embedding to means and (through softplus) deviations of the head's weight
  /// factors, then of its bias offsets; empty: the head stays as it is.
  std::vector<Layer> modulator;

  /// How many references the embedding has; 0: it isn't looked at.
  int64_t references() const;
};

/// Tensors under the names that HELP's public code gives them (model.meta_learner.fc1.weight,
/// task_lr.meta_learner.*, inference_network.z_encoder.*), and back. The parts may be missing:
/// embedding branch, step sizes, modulator. Throws Error naming `where` and the tensor for anything
/// missing, unknown, or of a shape that doesn't fit.
Predictor parse_predictor(const std::map<std::string, Tensor>& tensors, const std::string& where);
std::map<std::string, Tensor> format_predictor(const Predictor& predictor);

/// From and to a safetensors file.
Predictor read_predictor(const std::string& path);
void write_predictor(const std::string& path, const Predictor& predictor,
                     const std::map<std::string, std::string>& metadata);

/// Factors on the head's weights (by input, one row a layer) and offsets of its biases, times 0.01
/// at use: what a draw z holds.
constexpr float modulation_scale = 0.01f;
constexpr int64_t modulated_layers = 3;
inline int64_t modulation_size(int64_t head_width) { return (head_width + 1) * modulated_layers; }

}  // namespace betimes::systems::help

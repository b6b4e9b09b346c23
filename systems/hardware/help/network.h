#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "systems/hardware/help/encoding.h"

// The latency predictor without LibTorch: forward, and the gradient that adapting needs.

namespace betimes::systems::help {

/// y = W x + b.
struct Layer {
  int64_t out = 0, in = 0;
  std::vector<float> weight;  // [out, in]
  std::vector<float> bias;    // [out]
  Layer() = default;
  Layer(int64_t out, int64_t in);  // zeros
};

/// The predictor's layers; numbers of the same shapes (step sizes, a gradient) have this form too.
///
///   architecture -> trunk: fc1, fc2, or four graph convolutions A (X W) + b read at the global
///   node embedding    -> device: fc_hw1, fc_hw2; none: the predictor knows nothing of the device
///   both, side by side -> head: fc3, fc4, fc5; ReLU after every layer but the last
struct Network {
  std::vector<Layer> trunk, device, head;

  /// Of the layers, in the order above.
  std::vector<Layer*> layers();
  std::vector<const Layer*> layers() const;
};

/// A network of zeros for `width` numbers a node. `embedding` 0: without the device branch.
Network make_network(int64_t width, bool graph, int64_t embedding, int64_t hidden = 100);

/// One number for each architecture. Throws Error where the network was made for others.
std::vector<float> forward(const Network& network, const Encoded& architectures,
                           std::span<const float> embedding);

/// Mean squared error over the architectures, and its derivative by every weight.
struct Slope {
  double loss = 0;
  Network gradient;
};
Slope slope(const Network& network, const Encoded& architectures, std::span<const float> embedding,
            std::span<const float> labels);

}  // namespace betimes::systems::help

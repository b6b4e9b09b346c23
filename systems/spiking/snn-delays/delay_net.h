#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "betimes/tensor/tensor.h"

namespace betimes::systems::snn_delays {

/// A layer as it is served: batch norm is in the weights and shifts.
struct Layer {
  Tensor weight;  // f32 [out, in]; 0: no synapse
  Tensor delay;   // u8 [out, in], bins from 0 to kernel - 1
  Tensor shift;   // f32 [out]: current at every bin
};

/// Layers of leaky neurons (fire at 1, then 0), the last one's neurons never fire: their membranes
/// are the readout. A layer runs (kernel - 1) / 2 bins longer than what it hears.
struct Net {
  int64_t kernel = 25;  // odd; the largest delay is kernel - 1 bins
  float leak = 0.005f;  // 1 - 1 / tau, tau in bins
  std::vector<Layer> layers;

  int64_t channels() const { return layers.front().weight.shape()[1]; }
  int64_t classes() const { return layers.back().weight.shape()[0]; }
  int64_t tail() const { return (kernel - 1) / 2; }
  double parameters() const;
};

/// Throws Error naming the layer whose shapes don't fit or whose delays leave the kernel, and for a
/// kernel that isn't odd or a leak that isn't in [0, 1), which is tau > 1.
void check(const Net& net);

/// Reads and writes a net as a safetensors file. Throws Error naming the file.
Net read_net(const std::string& path);
void write_net(const std::string& path, const Net& net);

}  // namespace betimes::systems::snn_delays

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "betimes/graph/graph.h"
#include "betimes/tensor/tensor.h"

namespace betimes::systems::iir_snn {

/// A layer as it is stored. Neurons follow every layer but the last.
struct Layer {
  Tensor weight;        // f32 [out, in, 3, 3], padded by 1; or [out, in] of a dense layer
  Tensor bias;          // f32 [out]
  bool pooled = false;  // means of 2x2 currents reach the neurons
  float threshold = 1;
  float leak = 1;
};

/// A chain of convolutions and dense layers on an image of one channel, spiking in `time_steps`
/// steps, or with ReLU where that is 0: the net it was converted from.
struct Net {
  int64_t height = 28, width = 28;
  int64_t time_steps = 1;
  std::vector<Layer> layers;

  int64_t classes() const { return layers.back().bias.size(); }
};

/// Throws Error naming the layer whose shapes don't fit the one before, whose threshold isn't
/// positive or whose leak isn't in [0, 1].
void check(const Net& net);

/// Reads and writes a net as a safetensors file. Throws Error naming the file.
Net read_net(const std::string& path);
void write_net(const std::string& path, const Net& net);

/// What the layer's weights are for a map of this size: [out, in, kh, kw] with stride and padding,
/// the pooling folded into them.
struct Kernel {
  Tensor weight;
  int64_t stride = 1, pad = 0;
};
Kernel kernel_of(const Layer& layer, int64_t height, int64_t width);

/// The net for the runtime's dense kernels, "image" [batch, 1, height, width] -> "logits" [batch,
/// classes]: ReLU between the layers where time_steps is 0, else spiking neurons unrolled over the
/// steps, with spikes as numbers 0 and 1.
graph::Graph dense_graph(const Net& net, int64_t batch);

}  // namespace betimes::systems::iir_snn

#pragma once

#include <cstdint>

#include "betimes/runtime/kernels/vector/spiking.h"
#include "betimes/tensor/tensor.h"

namespace betimes::systems::spiking {

/// The map that a convolution reads, and how it reads it.
struct MapShape {
  int64_t height = 1, width = 1;
  int64_t stride = 1, pad = 0;
};

/// A convolution with its weights laid out for the spiking loops. A dense layer on a map is a
/// convolution whose kernel covers it.
class PackedConvolution {
 public:
  /// weight f32 [out, in, kernel_height, kernel_width], bias f32 [out]. Throws Error when they
  /// don't fit each other or the map.
  PackedConvolution(const Tensor& weight, const Tensor& bias, const MapShape& map);

  const runtime::SpikeConvolution& shape() const { return shape_; }
  size_t bytes() const { return weights_.bytes() + bias_.bytes(); }

 private:
  Tensor weights_, bias_;  // padded; a Tensor's data stays where it is when the tensor moves
  runtime::SpikeConvolution shape_;
};

/// A kernel of stride 2 that equals `weight` [out, in, k, k] at stride 1 followed by means of 2x2:
/// [out, in, k + 1, k + 1]. Averaging currents before the neuron costs no step of its own, and less
/// than half the work.
Tensor pooled_kernel(const Tensor& weight);

/// Additions that these spikes cause: outputs that see each of them.
int64_t synaptic_operations(const runtime::SpikeConvolution& layer, const uint64_t* spikes);
/// The same if every input fired: multiply-accumulates of the dense layer.
int64_t dense_operations(const runtime::SpikeConvolution& layer);

}  // namespace betimes::systems::spiking

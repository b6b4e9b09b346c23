#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "betimes/tensor/tensor.h"

// Dense classifiers in fixed-point numbers, as hls4ml puts them on an FPGA.

namespace betimes::systems::wa_hls4ml {

/// y = W x + b, ReLU between layers.
struct DenseNet {
  struct Layer {
    int64_t in = 0, out = 0;
    std::vector<float> weight;  // [out, in]
    std::vector<float> bias;    // [out]
  };
  std::vector<Layer> layers;
};
/// From tensors "<prefix>0.weight", "<prefix>0.bias", ... Throws Error naming `where` for layers
/// that are missing, don't follow each other, or aren't f32.
DenseNet read_dense(const std::map<std::string, Tensor>& tensors, const std::string& prefix,
                    const std::string& where);

/// A number of so many bits, sign included, of which the least stands for `step`: rounded to the
/// nearest and kept in range.
struct FixedPoint {
  int bits = 16;
  float step = 1;
  /// The step is the least power of two with which `largest` fits. Throws Error unless bits >= 2.
  static FixedPoint covering(int bits, float largest);
  float operator()(float value) const;
};

/// A net whose weights, inputs and activations have so many bits; sums are exact.
class FixedNet {
 public:
  /// Ranges of activations are those on `examples`, [count, inputs]. Throws Error for none.
  FixedNet(const DenseNet& net, int bits, std::span<const float> examples);
  /// Outputs for one example.
  std::vector<float> operator()(std::span<const float> example) const;

 private:
  DenseNet net_;
  std::vector<FixedPoint> activations_;  // what each layer reads
};

}  // namespace betimes::systems::wa_hls4ml

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "betimes/tensor/tensor.h"
#include "systems/search/common/block_net.h"
#include "systems/search/common/phone_table.h"
#include "systems/search/mnasnet/tokens.h"

// A published oracle for searches at the paper's scale: subnets of a once-for-all MobileNetV3 (Cai
// et al., Once-for-All, ICLR 2020), their accuracy from the published predictor, their latency on a
// Note 10 phone from the published tables.

namespace betimes::systems::mnasnet {

struct OfaNet {
  static constexpr int stages = 5, most_depth = 4, layers = stages * most_depth;
  int resolution = 224;            // 160, 176, 192, 208 or 224
  std::array<int, stages> depth;   // 2, 3 or 4 layers
  std::array<int, layers> kernel;  // 3, 5 or 7; layer stage * 4 + position
  std::array<int, layers> expand;  // 3, 4 or 6
  /// Throws Error for anything else.
  void check() const;
  bool used(int layer) const {
    return layer % most_depth < depth[static_cast<size_t>(layer / most_depth)];
  }
};

/// The predictor's input: 20 x 3 kernel sizes, 20 x 3 expansions, 8 resolutions (112 to 224 in
/// steps of 16), all one-hot; unused layers are zeros.
std::array<float, 128> features(const OfaNet& net);
/// Multiply-accumulates of one image, squeeze-and-excitation included.
double macs(const OfaNet& net);

/// A chain of linear layers with ReLU between them: weights "0.weight" [out, in], "0.bias" [out],
/// "2.weight", ...
class Perceptron {
 public:
  /// Throws Error naming the tensor for missing ones, and for shapes that don't follow one another
  /// or don't lead from `inputs` numbers to one.
  Perceptron(const std::map<std::string, Tensor>& tensors, int64_t inputs,
             const std::string& where);
  float operator()(std::span<const float> input) const;

 private:
  struct Linear {
    size_t in = 0, out = 0;
    std::vector<float> weight;  // [in, out], so that the inner loop runs over outputs
    std::vector<float> bias;
  };
  std::vector<Linear> layers_;
};

class OfaOracle {
 public:
  /// Reads mobile-latency-tables/ below `data`. Throws Error naming the file.
  explicit OfaOracle(const std::string& data);
  static bool present(const std::string& data);
  double accuracy(const OfaNet& net) const;  // ImageNet top-1, predicted
  double ms(const OfaNet& net) const;        // on a Note 10; a missing operator throws Error
  Judged operator()(const OfaNet& net) const { return {accuracy(net), ms(net), macs(net)}; }

 private:
  Perceptron predictor_;
  std::map<int, search::PhoneTable> tables_;  // by resolution
};

/// Which decisions layers share.
enum class Sharing {
  cell,        // one kernel, expansion and depth for all stages: 3 tokens and the resolution
  factorised,  // per stage: 15 tokens and the resolution
  free,        // per layer: 45 tokens and the resolution
};
const char* name(Sharing sharing);
TokenSpace ofa_space(Sharing sharing);
OfaNet ofa_net(Sharing sharing, const Tokens& tokens);

}  // namespace betimes::systems::mnasnet

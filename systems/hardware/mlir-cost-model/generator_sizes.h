#pragma once

#include "betimes/base/random.h"
#include "systems/hardware/mlir-cost-model/builder.h"

namespace betimes::systems::mlir_cost_model {

/// Extents as generated functions have them.
class Sizes {
 public:
  explicit Sizes(Random& random) : random_(random) {}

  int64_t channels();  // 4 to 128, round ones mostly
  int64_t side();      // of images: 5 to 64, those of image networks mostly
  template <class T>
  T one_of(const std::vector<T>& values) {
    return values[static_cast<size_t>(random_.below(values.size()))];
  }
  bool chance(double probability) { return random_.uniform() < probability; }
  Random& random() { return random_; }

 private:
  Random& random_;
};

inline int64_t Sizes::channels() {
  if (chance(0.7)) return one_of<int64_t>({4, 8, 16, 24, 32, 48, 64, 96, 128});
  return 4 + static_cast<int64_t>(random_.below(125));
}

inline int64_t Sizes::side() {
  if (chance(0.7)) return one_of<int64_t>({7, 8, 14, 16, 28, 32, 56});
  return 5 + static_cast<int64_t>(random_.below(60));
}

}  // namespace betimes::systems::mlir_cost_model

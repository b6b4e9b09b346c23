#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "systems/spiking/iir-snn/train_dnn.h"
#include "systems/spiking/iir-snn/train_ladder.h"

namespace betimes::systems::iir_snn {

/// How much of everything: the full study, or a look at whether it works.
struct Sizes {
  int64_t images = 20000, validation = 5000, test = 10000;
  int dnn_epochs = 8;
  std::vector<int64_t> ladder = {5, 3, 2, 1};
  std::vector<int> epochs = {4, 3, 3, 5};  // of each stage

  static Sizes full() { return {}; }
  static Sizes quick() { return {256, 100, 100, 1, {5, 3, 2, 1}, {1, 1, 1, 1}}; }
  int ladder_epochs() const;
};

/// The training images with everything else a run needs to know.
struct Data {
  Training training;
  judge::Task task;
  /// Images whose currents set the thresholds of a conversion at so many steps: 512, or fewer where
  /// the steps are many.
  at::Tensor threshold_images(int64_t time_steps) const;
};
Data load_data(const Sizes& sizes, uint64_t seed, std::function<void(const std::string&)> line);

/// The stages' nets by their time steps, each trained from the one before.
std::map<int64_t, Net> train_ladder(const Net& dnn, const Sizes& sizes, const Data& data,
                                    const LadderOptions& options);

}  // namespace betimes::systems::iir_snn

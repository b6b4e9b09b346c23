#pragma once

#include <torch/optim/optimizer.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "betimes/learn/image_dataset.h"

namespace betimes::systems::iir_snn {

/// A rate that is divided by 5 at some shares of the steps.
struct Schedule {
  int epochs = 1;
  double rate = 1e-3;
  std::vector<double> drops = {0.6, 0.8, 0.9};
  int64_t batch = 64;
};

/// Data and reporting that all runs of a study share.
struct Training {
  learn::ImageDataset images;  // shuffled, shifted and mirrored from the seed
  uint64_t seed = 1;
  std::function<void(const std::string&)> line;  // one line an epoch; may be empty
};

/// What a run does at its steps.
struct Steps {
  std::function<at::Tensor(const at::Tensor& images)> logits;
  std::function<void(double rate)> set_rate;
  std::function<void()> after_step;  // may be empty
  std::function<double()> validate;  // accuracy after an epoch
};

/// Trains for the schedule's epochs with cross-entropy; throws Error when the loss isn't finite.
/// Returns validate()'s largest value.
double train_epochs(const std::string& name, torch::optim::Optimizer& optimizer,
                    const Schedule& schedule, const Training& training, const Steps& steps);

}  // namespace betimes::systems::iir_snn

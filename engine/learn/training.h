#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "betimes/learn/loader.h"
#include "betimes/learn/optimizer.h"
#include "betimes/learn/schedule.h"

namespace betimes::learn {

struct TrainingOptions {
  int epochs = 10;
  uint64_t seed = 1;  // of order, augmentation and dropout
  int64_t batch = 64;
  OptimizerOptions optimizer;
  Schedule schedule = constant();
  std::optional<Plateau> plateau;  // times the schedule, by the validation score
  double clip_norm = 0;            // of the gradients; 0: as they come
  double ema = 0;                  // decay of the averaged weights that are validated; 0: none
  int patience = 0;                // epochs without a better score before it stops; 0: never
  bool keep_best = true;           // the module ends with its best epoch's weights, else the last's
  std::filesystem::path checkpoint;  // written after each epoch; empty: none
  bool resume = false;               // go on from the checkpoint where there is one
};

/// One epoch that has ended.
struct Epoch {
  int number = 0;  // from 1
  int epochs = 0;
  uint64_t seed = 0;
  double rate = 0;                    // of the last step
  double loss = 0;                    // mean over steps
  std::optional<double> score, best;  // validation, larger is better; none without validation
  double seconds = 0;
  double seconds_left = 0;  // about, if all epochs are run
};
/// "epoch  3/16  seed 1  rate 0.0100  loss 0.5123  score 0.9120 (best 0.9135)  12.1 s, 2:37 left"
std::string to_string(const Epoch& epoch);

/// What a run of training is of: a scalar to minimise over a batch, a score to compare epochs by.
struct Objective {
  std::function<at::Tensor(const Batch&)> loss;
  /// In evaluation mode and without gradients, larger is better; empty: the last epoch is the best.
  std::function<double()> score;
  /// After each step, without gradients: clamps, projections. May be empty.
  std::function<void()> after_step;
};

struct Trained {
  int epochs = 0;  // that were run, earlier ones of a resumed run included
  int best_epoch = 0;
  double best = 0;
  double seconds = 0;  // of this run
};

/// Trains `module` in place, calling `report` once an epoch. Order, augmentation and dropout of an
/// epoch depend only on the seed and its number, and a checkpoint holds all that training goes by:
/// a resumed run ends with the weights of an unbroken one. Throws Error when the loss stops being
/// finite, for a checkpoint of another module, and for options that make no sense.
Trained train(torch::nn::Module& module, const Dataset& data, const Objective& objective,
              const TrainingOptions& options, const std::function<void(const Epoch&)>& report);

}  // namespace betimes::learn

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "systems/hardware/help/evaluate.h"
#include "systems/hardware/help/train_model.h"

namespace betimes::systems::help {

struct MetaOptions {
  int episodes = 2000;
  int tasks = 8;  // source devices of an episode
  size_t support = 10, query = 200;
  int inner_steps = 2;
  bool second_order = true;
  double rate = 1e-4;       // Adam's
  double divergence = 0.1;  // weight of each task's own; HELP's code adds that of the last task
  uint64_t seed = 1;
  int look_every = 50;               // episodes between looks at the validation devices
  std::filesystem::path checkpoint;  // written at each look; empty: none
  bool resume = false;
};

/// Some episodes that have ended.
struct Look {
  int episode = 0, episodes = 0;
  uint64_t seed = 0;
  double loss = 0;        // of the queries, mean since the last look
  double validation = 0;  // mean rank correlation
  double best = 0;
  double seconds = 0, seconds_left = 0;
};
/// "episode  50/2000  seed 1  loss 0.0123  validation 0.912 (best 0.920)  12.1 s, 2:37 left"
std::string to_string(const Look& look);

struct MetaTrained {
  Predictor best, last;  // by the validation devices; of the last episode
  int best_episode = 0;
  double seconds = 0;
};

/// Meta-learns over the source devices (Lee et al., HELP, algorithm 1). What an episode draws
/// follows from the seed and its number: a resumed run ends as an unbroken one. Throws Error when
/// the loss stops being finite, and for a checkpoint of another run.
MetaTrained meta_train(const Tables& tables, const Method& method, const MetaOptions& options,
                       const std::function<void(const Look&, const Predictor&)>& report);

/// How checkpoints are compared: few draws and supports, the same each time.
EvaluateOptions look_options(const MetaOptions& options);

/// A regressor without embedding, trained from nothing on the support alone by Adam.
struct ScratchOptions {
  int epochs = 300;
  size_t batch = 64;
  double rate = 1e-3;
};
Scored scratch(const Tables& tables, const Device& device, const EvaluateOptions& options,
               const ScratchOptions& how);

}  // namespace betimes::systems::help

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "systems/search/common/train_images.h"
#include "systems/search/common/train_latency.h"
#include "systems/search/mnasnet/own_space.h"
#include "systems/search/mnasnet/train_controller.h"

namespace betimes::systems::mnasnet {

struct OwnSearchOptions {
  Sharing sharing = Sharing::factorised;
  int nets = 96;
  int batch = 8;
  int proxy_epochs = 1;
  double faster = 1.5;  // the target is the baseline's latency over this
  double alpha = -0.07, beta = -0.07;
  double seconds_a_timing = 0.5;
  uint64_t seed = 1;
};

struct OwnSearch {
  double target_ms = 0, baseline_ms = 0;
  std::vector<Trial> trials;  // each network once, by reward, the best first
};

/// MnasNet's loop for real: each sampled network is trained for an epoch or so on `training`,
/// scored on `held_out`, timed on this machine by the project's runtime beside the baseline,
/// mobilenet_like(1), whose first time is the yardstick: a machine that has become slower slows
/// both.
OwnSearch search_end_to_end(const search::Images& training, const search::Images& held_out,
                            const OwnSearchOptions& options,
                            const std::function<void(const std::string&)>& line);

/// Trains the network anew and returns its share of right answers on `scored`.
double retrained_accuracy(const search::BlockNet& net, const search::Images& training,
                          const search::Images& scored, int epochs, uint64_t seed);

}  // namespace betimes::systems::mnasnet

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "betimes/system/study.h"
#include "systems/search/common/train_images.h"
#include "systems/search/common/train_latency.h"
#include "systems/search/proxylessnas/train_search.h"

namespace betimes::systems::proxylessnas {

/// Peak memory and time of one step, by kind.
void check_memory(system::Study& study, const Space& space);

/// This machine's table, calibrated on whole networks.
struct OwnTable {
  search::LatencyTable table;
  search::Affine calibration;
};
/// Measures it, and how well it predicts networks that it wasn't calibrated on.
OwnTable check_table(system::Study& study, const Space& space);

/// Searches, baselines, and what they are worth after training anew.
void check_search(system::Study& study, const Space& space, const OwnTable& own);

}  // namespace betimes::systems::proxylessnas

#pragma once

#include "betimes/system/study.h"

namespace betimes::systems::mnasnet {

/// Sizes of the named networks against the published ones.
void check_named(system::Study& study);
/// Part 1: thousands of samples on a published predictor and published phone latencies.
void search_published(system::Study& study);
/// Part 1b: NAS-Bench-201, where the true best is known.
void search_nasbench(system::Study& study);
/// Part 2: real training and measured latency.
void search_own(system::Study& study);

}  // namespace betimes::systems::mnasnet

#pragma once

#include "bench/cost/samples.h"
#include "bench/cost/train.h"

namespace betimes::bench {

/// Speeds made networks up that were measured at a bad moment: all of whose kernels, weighted by
/// their shares of the time, are slower than kernels like them in this device's other made
/// networks. Neighbours only ever take time away. Real models and references stay as they were
/// measured, and have no part in it.
void take_off_bad_moments(Samples& samples, const TrainOptions& options);

}  // namespace betimes::bench

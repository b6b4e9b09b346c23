#pragma once

#include <string>
#include <vector>

#include "betimes/cost/device_model.h"
#include "betimes/measure/latency.h"
#include "betimes/measure/profile.h"
#include "betimes/runtime/session.h"

namespace betimes::cost {

/// A prediction beside what the device itself says.
struct Explanation {
  measure::Latency latency;
  measure::Profile profile;  // as many steps as the prediction
  /// How fast the machine is now, against when it was probed: the median over reference networks of
  /// latency then over latency now.
  double pace = 1;
  /// Median of runs whose data had been driven out of the caches, over the usual one.
  double cold = 1;
  std::vector<std::string> reasons;  // why they differ, in sentences; the largest part first
};

struct ExplainOptions {
  double seconds = 4;  // for the model's runs; the machine's pace takes another second
  uint64_t seed = 1;
};

/// Whether a device may be this machine under this runtime, at a level that can be had here: as far
/// as the processor's name tells.
bool is_here(const Device& device);

/// Runs the model on the device's own machine and sets what was predicted beside it. The session's
/// inputs are taken as they are; its plan must be the one that was predicted, and the instruction
/// set and threads those of the device. Throws Error when the device isn't here.
Explanation explain(const Prediction& prediction, const DeviceModel& device,
                    runtime::Session& session, const ExplainOptions& options = {});

}  // namespace betimes::cost

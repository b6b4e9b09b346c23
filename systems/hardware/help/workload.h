#pragma once

#include <memory>
#include <string>

#include "betimes/fit/workload.h"
#include "betimes/system/system.h"
#include "systems/hardware/help/tables.h"

namespace betimes::systems::help {

/// Measurements of a new device, inner steps and draws, with what they cost.
fit::KnobSpace knob_space();

/// A device that was never seen sends a few latencies and asks for one architecture's: adapt,
/// predict, answer in milliseconds. On FBNet's space; quality is the mean rank correlation over the
/// validation or the unseen devices. Throws Error naming what is missing: tables, or weights.
std::unique_ptr<fit::Workload> open_workload(const system::OpenOptions& options);

/// The file that training writes for a method ("help") and reading looks for.
std::string trained_file(const std::string& folder, SpaceName space, const std::string& method);
/// The published predictor: help-predictors/<space>.safetensors below the weights, the data, or a
/// folder models beside the data. Empty: it isn't there.
std::string published_file(const system::Places& places, SpaceName space);

}  // namespace betimes::systems::help

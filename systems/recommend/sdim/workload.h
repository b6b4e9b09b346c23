#pragma once

#include <memory>

#include "betimes/fit/workload.h"
#include "betimes/system/system.h"

namespace betimes::systems::sdim {

/// Path, hash and table precision, with what they cost.
fit::KnobSpace knob_space();

/// Requests of 512 candidates for one user of `longhist` (synthetic), quality as AUC. Throws Error
/// naming the command when nothing was trained.
std::unique_ptr<fit::Workload> open_workload(const system::OpenOptions& options);

}  // namespace betimes::systems::sdim

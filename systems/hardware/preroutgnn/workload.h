#pragma once

#include <memory>
#include <string>

#include "betimes/fit/workload.h"
#include "betimes/system/system.h"
#include "systems/hardware/preroutgnn/circuit.h"
#include "systems/hardware/preroutgnn/model.h"

namespace betimes::systems::preroutgnn {

/// Which trained model predicts, and how its inference is batched.
fit::KnobSpace knob_space();
/// The models that the knobs choose among, at one width.
std::vector<ModelOptions> served_models(const ModelOptions& base);

/// A request is the timing of all pins of one design. Quality is the R2 of its endpoints' slacks (0
/// where it is below), by design. Throws Error naming the file that is missing.
std::unique_ptr<fit::Workload> open_workload(const system::OpenOptions& options);

}  // namespace betimes::systems::preroutgnn

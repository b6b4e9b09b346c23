#pragma once

#include <memory>
#include <string>

#include "betimes/fit/workload.h"
#include "betimes/system/system.h"

namespace betimes::systems::mlir_cost_model {

/// Which model reads which tokens, how many of them, with what that costs.
fit::KnobSpace knob_space();

/// A pass asks which of the eight schedules a function should be lowered under: a request is eight
/// predictions for one function, and the least predicted cost is chosen. Quality is the mean of the
/// best variant's run cycles over the chosen one's, over graphs that training hasn't seen, among
/// the variants that were lowered. Throws Error naming what is missing: data, or a model.
std::unique_ptr<fit::Workload> open_workload(const system::OpenOptions& options);

/// The file of the boosted trees that predict run cycles from operator counts.
std::string trees_file(const std::string& folder);

}  // namespace betimes::systems::mlir_cost_model

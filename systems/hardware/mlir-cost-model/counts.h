#pragma once

#include <string>
#include <vector>

#include "systems/hardware/mlir-cost-model/function.h"
#include "systems/hardware/mlir-cost-model/schedule.h"

namespace betimes::systems::mlir_cost_model {

/// Floating-point operations of one operation, a multiply-accumulate as two, and the bytes of its
/// operands and its result.
double flops_of(const Operation& operation);
double bytes_of(const Operation& operation);

/// What a hand-written analytic model looks at: how many operators there are of each kind, how
/// large they are, and the schedule. The same names and order for every function.
std::vector<std::string> count_names();
std::vector<float> count(const Function& function, const Schedule& schedule);

}  // namespace betimes::systems::mlir_cost_model

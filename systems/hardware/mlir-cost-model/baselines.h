#pragma once

#include <functional>
#include <string>
#include <vector>

#include "systems/hardware/common/boosting.h"
#include "systems/hardware/mlir-cost-model/linear.h"
#include "systems/hardware/mlir-cost-model/scores.h"

namespace betimes::systems::mlir_cost_model {

/// Operator counts of every variant of the graphs, with one target's values on its scale.
Examples count_examples(const DataSet& data, const std::vector<size_t>& graphs, size_t target);

/// Boosted trees on such counts.
hardware::Boosting boost(const Examples& examples, uint64_t seed);

/// What has learned from counts: all targets of a function under a schedule, on their scales.
using CountModel = std::function<Values(const Function&, const Schedule&)>;

/// "constant": the training set's mean; "linear": least squares on the counts; "trees": boosted
/// ones; "schedule": the mean of each schedule's deviation from its graph's mean, which looks at no
/// function.
std::vector<std::string> baseline_names();
/// Learns one from the graphs. Throws Error for another name.
CountModel learn_baseline(const std::string& name, const DataSet& data,
                          const std::vector<size_t>& graphs, uint64_t seed);

}  // namespace betimes::systems::mlir_cost_model

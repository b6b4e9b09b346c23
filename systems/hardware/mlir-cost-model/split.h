#pragma once

#include <cstdint>
#include <vector>

#include "systems/hardware/mlir-cost-model/dataset.h"

namespace betimes::systems::mlir_cost_model {

/// Indices into a data set's graphs.
struct Split {
  std::vector<size_t> training, validation, test;
};

/// A tenth of the graphs for testing, one for validation, by the seed. All variants of a graph stay
/// together, and so do graphs that are the same sentence in any kind of tokens: none of a test
/// sentence's doubles is learned from. Throws Error for graphs that make fewer than three groups.
Split split_graphs(const DataSet& data, uint64_t seed);

}  // namespace betimes::systems::mlir_cost_model

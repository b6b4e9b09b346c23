#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "betimes/system/study.h"
#include "systems/hardware/preroutgnn/circuit.h"
#include "systems/hardware/preroutgnn/measures.h"
#include "systems/hardware/preroutgnn/train_plan.h"

namespace betimes::systems::preroutgnn {

/// What there is to learn from, and a sentence on what it is.
struct Material {
  CircuitSet circuits;
  bool real = false;  // mapped by yosys
  std::string text;
};
/// The circuits that were made before; else made on the spot, where the programs are and the form
/// is the full one; else, in the quick form, stand-ins. Nullopt: none, and the claims have been
/// told why.
std::optional<Material> material(system::Study& study);

namespace method {
// As published, and with increments at cells, too, which the ablations are of.
inline const std::string published = "PreRoutGNN", full = "PreRoutGNN, at cells too",
                         nonresidual = "minus residual", no_attention = "minus attention",
                         no_code = "minus pre-training", unpartitioned = "not partitioned",
                         timinggcn = "TimingGCN", gcnii = "GCNII", trees = "boosted trees",
                         straight = "straight wires", routed_trees = "router's trees, no detours",
                         levels = "level x constant";
}  // namespace method

namespace metric {
inline const std::string slack = "slack, mean of designs", pooled = "slack, pooled",
                         arrival = "arrival", slew = "slew", net_delay = "net delay",
                         cell_delay = "cell delay", seconds = "seconds to fit and predict";
std::string quartile(size_t index);
}  // namespace metric

/// R2 on the test designs of all methods.
struct Compared {
  std::vector<std::string> names;  // in the order they came
  // metric -> method -> one value a seed; a method has as many as it was trained with.
  std::map<std::string, std::map<std::string, std::vector<double>>> scores;
  std::map<std::string, Measures> first;  // of the first seed
};

/// How long a reproduction trains.
Stages stages_of(const system::Study& study, uint64_t seed);

/// All methods side by side.
void compare_methods(system::Study& study, const Material& material);
void report_methods(system::Study& study, const Compared& found);
/// Memory of a training step, whole designs against blocks.
void compare_memory(system::Study& study, const Material& material);
/// Seconds of a prediction in this runtime beside what it stands for.
void compare_cost(system::Study& study, const Material& material);

/// Pins of a block that networks learn from.
int64_t block_pins(const system::Study& study);

}  // namespace betimes::systems::preroutgnn

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "systems/hardware/common/boosting.h"
#include "systems/hardware/preroutgnn/circuit.h"
#include "systems/hardware/preroutgnn/measures.h"

namespace betimes::systems::preroutgnn {

/// Timing analysis with straight wires in place of routed ones, as the circuit has it.
Prediction straight_wires(const Circuit& circuit);
/// The same with the router's trees, without its detours.
Prediction tree_wires(const Circuit& circuit);
/// Late arrivals as the level times what a level takes on the average (least squares over the pins
/// of `training`): what knowing the depth alone is worth.
Prediction level_times(std::span<const Circuit> training, const Circuit& circuit);

struct DelayTreesOptions {
  int trees = 100;
  int depth = 6;
  size_t most_rows = 20'000;  // of each kind that the trees learn from
  uint64_t seed = 1;
};

/// Boosted trees for the delay of each net's sink and of each cell's arc, from what is known before
/// routing: lengths, fan-out, capacitances, the slew and delay that straight wires give, the
/// tables' means. Arrivals follow by adding delays along all paths. Late columns only.
class DelayTrees {
 public:
  /// Throws Error for no net or no arc.
  DelayTrees(std::span<const Circuit> training, std::span<const Arc> library,
             const DelayTreesOptions& options);
  Prediction predict(const Circuit& circuit) const;

  /// Which input transition makes an arc's output rise or fall.
  enum class Sense { same, opposite, either };
  Sense sense(size_t arc) const { return senses_.at(arc); }

 private:
  std::vector<Arc> library_;
  std::vector<Sense> senses_;  // of each arc, the one that explains the training arrivals
  std::array<hardware::Boosting, 2> nets_, arcs_;  // late rise, late fall
};

}  // namespace betimes::systems::preroutgnn

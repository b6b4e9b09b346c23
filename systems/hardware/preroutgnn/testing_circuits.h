#pragma once

#include <string>
#include <vector>

#include "systems/hardware/preroutgnn/features.h"
#include "systems/hardware/preroutgnn/split.h"
#include "systems/hardware/preroutgnn/stand_in.h"

namespace betimes::systems::preroutgnn {

/// Stand-in circuits with what training needs of them.
struct TestCircuits {
  explicit TestCircuits(int64_t designs = 4, int64_t pins = 150)
      : set(stand_in_circuits(11, designs, pins)),
        parts(hold_out(set.training, 1)),
        statistics(fit_statistics(parts.training, set.arcs)) {}
  CircuitSet set;
  Parts parts;
  Statistics statistics;
};

}  // namespace betimes::systems::preroutgnn

#pragma once

#include <string>
#include <vector>

namespace betimes::systems::mlir_cost_model {

/// How a function is lowered: what a pass asks the cost model about.
struct Schedule {
  bool fuse = false;  // loops of producers and consumers are fused
  int unroll = 1;     // innermost loops: 1, 2, 4, 8

  bool operator==(const Schedule&) const = default;
};

/// All eight: without fusion, then with it, by rising factor.
std::vector<Schedule> all_schedules();
/// "fuse+unroll:4", "unroll:1".
std::string to_string(const Schedule& schedule);
/// Throws Error for what isn't such a text.
Schedule parse_schedule(const std::string& text);

}  // namespace betimes::systems::mlir_cost_model

#include "systems/hardware/mlir-cost-model/schedule.h"

#include <fmt/format.h>

#include "betimes/base/error.h"

namespace betimes::systems::mlir_cost_model {

std::vector<Schedule> all_schedules() {
  std::vector<Schedule> found;
  for (const bool fuse : {false, true}) {
    for (const int unroll : {1, 2, 4, 8}) found.push_back({fuse, unroll});
  }
  return found;
}

std::string to_string(const Schedule& schedule) {
  return fmt::format("{}unroll:{}", schedule.fuse ? "fuse+" : "", schedule.unroll);
}

Schedule parse_schedule(const std::string& text) {
  for (const Schedule& schedule : all_schedules()) {
    if (to_string(schedule) == text) return schedule;
  }
  throw Error("schedule", fmt::format("is '{}'", text),
              "unroll:1, 2, 4 or 8, with 'fuse+' before it or without");
}

}  // namespace betimes::systems::mlir_cost_model

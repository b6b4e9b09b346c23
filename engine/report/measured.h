#pragma once

#include <string>

#include "betimes/measure/latency.h"
#include "betimes/measure/machine.h"
#include "betimes/measure/profile.h"

namespace betimes::report {

/// What `betimes measure` found.
struct Measured {
  std::string model;
  int threads = 1;
  uint64_t seed = 0;  // of the inputs
  measure::Latency latency;
  measure::Profile profile;  // already related to `machine`
  measure::Machine machine;
};

/// The object that `measure --json` prints; documented in docs/json.md.
std::string render_json(const Measured& measured);
/// The table that `measure` prints, for a terminal of `width` columns: latencies, whether they are
/// valid, where the time goes, the machine. The ten dearest steps, or every step in running order.
std::string render_text(const Measured& measured, int width, bool every_step);

}  // namespace betimes::report

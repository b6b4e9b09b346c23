#pragma once

#include <optional>
#include <string>

#include "betimes/measure/latency.h"
#include "betimes/measure/machine.h"
#include "betimes/measure/profile.h"
#include "betimes/measure/shapes.h"

namespace betimes::report {

/// What a plan and its one session hold.
struct MemoryUse {
  runtime::PlanMemory plan;
  std::optional<size_t> huge_page_bytes;  // what of it lies there; nullopt where nobody asked
};

/// What `betimes measure` found.
struct Measured {
  std::string model;
  int threads = 1;
  uint64_t seed = 0;  // of the inputs
  measure::Latency latency;
  measure::Profile profile;  // already related to `machine`
  measure::Machine machine;
  MemoryUse memory;
};

/// What `betimes measure` found of a model for several shapes of its inputs.
struct MeasuredShapes {
  std::string model;
  int threads = 1;
  std::string isa;
  uint64_t seed = 0;  // of the inputs
  measure::ShapeLatencies found;
  std::optional<size_t> huge_page_bytes;  // as in MemoryUse
};

/// The object that `measure --json` prints; documented in docs/json.md.
std::string render_json(const Measured& measured);
/// The table that `measure` prints, for a terminal of `width` columns: latencies, whether they are
/// valid, where the time goes, the machine. The ten dearest steps, or every step in running order.
std::string render_text(const Measured& measured, int width, bool every_step);

/// The object and the table of `measure` with several shapes.
std::string render_json(const MeasuredShapes& measured);
std::string render_text(const MeasuredShapes& measured, int width);

}  // namespace betimes::report

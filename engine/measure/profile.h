#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "betimes/runtime/session.h"

namespace betimes::measure {

struct StepTime {
  std::string name;
  std::string op;
  std::string kernel;
  std::string precision;
  double median_ms = 0;
  double share = 0;           // of the sum over steps
  double peak_fraction = 0;   // of the arithmetic peak, or of bandwidth where that binds
};

/// Per-step medians over `runs` profiled runs. The steps' times add up to the whole but for
/// `overhead_ms`, which is measured, not assumed.
struct Profile {
  std::vector<StepTime> steps;
  double total_ms = 0;
  double overhead_ms = 0;
  std::vector<std::vector<int64_t>> timelines;  // ns per step, of a few runs, for the trace
};
Profile profile(runtime::Session& session, int runs = 50);

/// A trace in Chrome's JSON format, which Perfetto opens.
void write_trace(const Profile& profile, const std::string& model, const std::string& path);

}  // namespace betimes::measure

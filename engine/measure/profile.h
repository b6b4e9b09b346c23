#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "betimes/measure/machine.h"
#include "betimes/runtime/session.h"

namespace betimes::measure {

struct StepTime {
  std::string name;
  std::string op;
  std::string kernel;
  std::string precision;
  double median_ms = 0;
  double share = 0;  // of the sum over steps
  /// The least time the machine could take over the time taken (relate_to_machine): of arithmetic
  /// or of memory bandwidth, whichever binds. Over 1 for traffic that stays in the caches.
  double peak_fraction = 0;
  std::string bound = {};  // "compute" or "memory": which of the two binds; empty when unknown
  double macs = 0;         // multiply-accumulates
  double bytes = 0;        // compulsory traffic
};

/// Per-step medians over profiled runs. They add up: the steps and `overhead_ms`, the measured time
/// between them (the clock's included), are `sum_ms`; `total_ms` is the median of whole runs, from
/// which the sum of medians differs by noise only.
struct Profile {
  std::vector<StepTime> steps;
  double total_ms = 0;
  double overhead_ms = 0;
  double sum_ms = 0;
  int64_t runs = 0;
  std::vector<std::vector<int64_t>> timelines;  // ns per step, then of the whole, of a few runs
};

/// Profiles `runs` runs after a few unprofiled ones. The session's inputs are taken as they are.
Profile profile(runtime::Session& session, int runs = 50);

/// The same for several sessions that take turns in shuffled order, so that a machine that changes
/// its pace changes it for all of them alike. One profile a session.
std::vector<Profile> profile_interleaved(const std::vector<runtime::Session*>& sessions, int runs,
                                         uint64_t seed);

/// What times of single runs amount to: each of `runs` has one time in ns per step and then that of
/// the whole run. Throws Error when one hasn't.
Profile summarize(const std::vector<runtime::StepInfo>& steps,
                  const std::vector<std::vector<int64_t>>& runs);

/// Fills peak_fraction and bound by the roofline model (Williams, Waterman, Patterson, 2009).
void relate_to_machine(Profile& profile, const Machine& machine);

/// A trace in Chrome's JSON format, which Perfetto opens: the kept runs one after another, steps
/// drawn back to back, the time between them at the end. Throws Error when it can't be written.
void write_trace(const Profile& profile, const std::string& model, const std::string& path);

}  // namespace betimes::measure

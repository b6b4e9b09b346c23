#pragma once

#include <functional>
#include <string>

#include "betimes/cost/device.h"

namespace betimes::cost {

struct ProbeOptions {
  std::string name;  // of the device; empty: processor, level and threads
  int threads = 1;
  double seconds = 25;                            // for all reference networks together
  uint64_t seed = 1;                              // of the order in which they take turns
  std::function<void(double fraction)> progress;  // may be empty
};

/// Measures this machine under our runtime: what it can do at most, and the reference networks, in
/// turns, so that its drift falls on all alike. The date is the caller's to add. Throws Error for
/// options that make no sense.
Device probe(const ProbeOptions& options);

}  // namespace betimes::cost

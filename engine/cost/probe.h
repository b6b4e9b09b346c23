#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "betimes/cost/device.h"
#include "betimes/measure/latency.h"
#include "betimes/runtime/session.h"

namespace betimes::cost {

struct ProbeOptions {
  std::string name;  // of the device; empty: processor, level and threads
  int threads = 1;
  double seconds = 25;  // for all reference networks together
  uint64_t seed = 1;    // of the order in which they take turns
  /// Plans, for as many threads, whose kernels go into the device's table; a second or two each.
  std::vector<std::shared_ptr<const runtime::Plan>> table = {};
  std::function<void(double fraction)> progress;  // may be empty
};

/// Measures this machine under our runtime: what it can do at most, and the reference networks, in
/// turns, so that its drift falls on all alike. The date is the caller's to add. Throws Error for
/// options that make no sense.
Device probe(const ProbeOptions& options);

/// The kernels of a model as they run within it, each by its median over profiled runs less a look
/// at the clock, scaled so that they add up to the model's `latency` at the median: the difference
/// between the median of a sum and the sum of medians falls away.
std::vector<KernelTime> time_kernels(runtime::Session& session, const measure::Latency& latency);

}  // namespace betimes::cost

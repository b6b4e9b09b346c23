#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "betimes/cost/device_model.h"
#include "betimes/measure/latency.h"
#include "betimes/measure/machine.h"
#include "betimes/measure/profile.h"
#include "betimes/runtime/plan.h"

namespace betimes::fit {

using Plans = std::vector<std::shared_ptr<const runtime::Plan>>;

/// Where the times of a fit's variants come from.
class Timing {
 public:
  virtual ~Timing() = default;
  /// Name of the device that the times are predicted for; empty where they are measured here.
  virtual std::string predicted_for() const { return {}; }
  /// What each step of each plan takes; all with `threads` threads.
  virtual std::vector<measure::Profile> profiles(const Plans& plans, int runs, int threads,
                                                 uint64_t seed) const = 0;
  /// What each plan takes; with at most `threads` threads.
  virtual std::vector<measure::Latency> latencies(const Plans& plans,
                                                  const measure::Options& options, int threads,
                                                  uint64_t seed) const = 0;
  virtual measure::Machine machine(int threads) const = 0;
};

/// Runs the plans on this machine, in turns.
std::unique_ptr<Timing> measured_timing();

/// Asks a cost model. A latency's low and high are the model's interval; it has no runs and is not
/// valid, for that reason.
std::unique_ptr<Timing> predicted_timing(std::shared_ptr<const cost::DeviceModel> device);

}  // namespace betimes::fit

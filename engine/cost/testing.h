#pragma once

#include <memory>
#include <string>
#include <utility>

#include "betimes/cost/cost_model.h"
#include "betimes/cost/reference_set.h"

namespace betimes::cost::testing {

inline measure::Machine machine() {
  measure::Machine machine;
  machine.cpu = "made up";
  machine.cpus = 2;
  machine.isa = "avx2";
  machine.threads = 1;
  machine.read_gb_per_s = 10;
  machine.peak_gflops_fp32 = 100;
  machine.peak_gops_int8 = 400;
  return machine;
}

/// A device whose reference networks take `ms` at the median and `tail` times that at p99.
inline Device device(const std::vector<double>& ms, double tail = 1.2) {
  Device device;
  device.name = "a device";
  device.runtime = "betimes test";
  device.date = "2026-01-01";
  device.machine = machine();
  device.reference_set = reference_set_name;
  for (size_t i = 0; i < ms.size(); ++i) {
    device.references.push_back({reference_nets().at(i).name, ms[i], ms[i] * (1 + (tail - 1) / 2),
                                 ms[i] * tail, ms[i], ms[i], 100});
  }
  return device;
}

inline Kernel kernel(const std::string& op, KernelKind kind, double macs, double bytes,
                     double rows = 64) {
  Kernel kernel{op, "fast", {}};
  kernel.work.kind = kind;
  kernel.work.macs = macs;
  kernel.work.bytes = bytes;
  kernel.work.rows = rows;
  kernel.work.columns = 64;
  return kernel;
}

/// What makes each kind of kernel so many times as slow as its baseline.
class FactorModel final : public CostModel {
 public:
  explicit FactorModel(std::vector<double> factors) : factors_(std::move(factors)) {}
  std::string_view name() const override { return "learned"; }
  std::optional<double> predict(const Kernel& kernel, const Device& device) const override {
    return baseline_ms(kernel.work, device.machine) *
           factors_.at(static_cast<size_t>(kernel.work.kind));
  }

 private:
  std::vector<double> factors_;
};

}  // namespace betimes::cost::testing

#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "betimes/cost/cost_model.h"

namespace betimes::cost {

/// By how much predictions of models that took no part in making them were off: the logarithm of
/// measured over predicted, its absolute value, in ascending order.
struct Calibration {
  std::vector<double> log_errors;
  /// Independent models behind the errors, where several errors are of one; 0: each is of its own.
  size_t groups = 0;

  /// The half width, as a logarithm, of an interval that covers at least `level` of models
  /// exchangeable with those behind the errors (split conformal prediction; Vovk, Gammerman and
  /// Shafer, 2005): the ceil((n + 1) level)-th smallest error; infinite when there are too few.
  double half_width(double level) const;
  /// The highest level that so few models support.
  double highest_level() const;
};

/// One step of a prediction.
struct StepPrediction {
  double ms = 0;
  std::string_view model;  // which cost model said so
  Roofline bound;
};

/// What a plan is predicted to take on a device, in milliseconds.
struct Prediction {
  double p50 = 0, p90 = 0, p99 = 0;
  double low = 0, high = 0;  // of the median, at `level`
  double level = 0.9;
  std::string method;  // "learned", "table", "table and learned", ...
  std::vector<StepPrediction> steps;
};

/// The kernels of a set's reference networks as this runtime would run them with so many threads at
/// the active instruction-set level. Compiles them once a set and number of threads. Throws Error
/// for a set that this program doesn't have.
const std::vector<std::vector<Kernel>>& reference_kernels(const std::string& set, int threads);

/// A cost model adapted to one device by its reference latencies: each kind of kernel has a factor
/// of its own there, found by ridge regression of the references' logarithmic errors on the shares
/// of the kinds in them.
class AdaptedModel {
 public:
  /// `references` are the kernels of the device's reference networks, in its order. Throws Error
  /// when their numbers differ, or the model doesn't know one of them.
  AdaptedModel(std::shared_ptr<const CostModel> model, const Device& device,
               const std::vector<std::vector<Kernel>>& references);

  const CostModel& model() const { return *model_; }
  std::optional<double> predict(const Kernel& kernel, const Device& device) const;
  double factor(KernelKind kind) const { return factors_[static_cast<size_t>(kind)]; }

 private:
  std::shared_ptr<const CostModel> model_;
  std::array<double, kernel_kinds> factors_{};
};

struct PredictOptions {
  double level = 0.9;      // of the interval
  std::string model = {};  // only this one: "roofline", "table" or "learned"; empty: the best known
};

/// What makes predictions for a device less certain than their interval says, in sentences: kernels
/// of another instruction set or number of threads, another runtime, references of one family or
/// without a spread.
std::vector<std::string> cautions(const Device& device);
/// Whether the device's references say anything of percentiles above the median.
bool has_spread(const Device& device);

/// Everything that is known of a device, put to one use. Immutable; any number of threads may ask.
class DeviceModel {
 public:
  /// The models that ship with this program. Compiles the reference networks (under a second).
  explicit DeviceModel(Device device, PredictOptions options = {});
  /// The same with other learned kernels, their calibration, and the reference networks' kernels.
  DeviceModel(Device device, PredictOptions options, std::shared_ptr<const CostModel> learned,
              std::map<std::string, Calibration> calibrations,
              const std::vector<std::vector<Kernel>>& references);

  const Device& device() const { return device_; }
  /// Throws Error for a plan without steps, for a kernel that the one model asked for doesn't know,
  /// and where the device's numbers make no finite time.
  Prediction predict(const std::vector<Kernel>& kernels) const;

 private:
  StepPrediction step(const Kernel& kernel) const;
  double tail_factor(double p50, double ReferenceLatency::*percentile) const;

  Device device_;
  PredictOptions options_;
  std::unique_ptr<CostModel> table_;
  std::vector<AdaptedModel> adapted_;                // the best first
  std::map<std::string, Calibration> calibrations_;  // by method
};

/// The trees and the calibration that ship with this program (docs/predict.md says how they were
/// made and how good they are).
std::shared_ptr<const CostModel> shipped_kernels();
const std::map<std::string, Calibration>& shipped_calibrations();

}  // namespace betimes::cost

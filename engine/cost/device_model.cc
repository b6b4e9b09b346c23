#include "betimes/cost/device_model.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <set>

#include "betimes/base/cpu.h"
#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/cost/reference_set.h"

namespace betimes::cost {
namespace {

/// Strength of the pull of each kind's factor, and of the common one, towards 1: as many references
/// of error 1 that say so.
constexpr double kind_ridge = 0.15, common_ridge = 0.01;
/// Shares hang on the factors that hang on them.
constexpr int rounds = 4;

using Kinds = Eigen::Matrix<double, kernel_kinds + 1, 1>;

size_t index(KernelKind kind) { return static_cast<size_t>(kind); }

/// Milliseconds of each kind in one network.
std::array<double, kernel_kinds> by_kind(const CostModel& model, const Device& device,
                                         const std::vector<Kernel>& kernels,
                                         const std::string& network) {
  std::array<double, kernel_kinds> sums{};
  for (const Kernel& kernel : kernels) {
    const std::optional<double> ms = model.predict(kernel, device);
    if (!ms) {
      throw Error(
          fmt::format("reference network {}", network),
          fmt::format("has a {} that the model '{}' doesn't know", kernel.op, model.name()));
    }
    sums[index(kernel.work.kind)] += *ms;
  }
  return sums;
}

}  // namespace

double Calibration::highest_level() const {
  const auto n = static_cast<double>(groups > 0 ? groups : log_errors.size());
  return n / (n + 1);
}

double Calibration::half_width(double level) const {
  if (level > highest_level()) return std::numeric_limits<double>::infinity();
  const auto n = static_cast<double>(log_errors.size());
  const auto rank = static_cast<size_t>(std::ceil((n + 1) * level));
  if (rank == 0 || rank > log_errors.size()) return std::numeric_limits<double>::infinity();
  return log_errors[rank - 1];
}

const std::vector<std::vector<Kernel>>& reference_kernels(const std::string& set, int threads) {
  static std::mutex mutex;
  static std::map<std::pair<std::string, int>, std::vector<std::vector<Kernel>>> all;
  const std::lock_guard lock(mutex);
  const auto known = all.find({set, threads});
  if (known != all.end()) return known->second;
  std::vector<std::vector<Kernel>> found;
  const std::vector<ReferenceNet>* const nets = find_reference_set(set);
  if (!nets) {
    throw Error("reference set '" + set + "'", "is unknown",
                fmt::format("'{}', '{}' or '{}'", reference_set_name, published_set_name,
                            whole_published_set_name));
  }
  runtime::CompileOptions options;
  options.threads = threads;
  for (const ReferenceNet& net : *nets) {
    found.push_back(kernels_of(runtime::compile(net.make(), options)->steps()));
  }
  return all.emplace(std::pair(set, threads), std::move(found)).first->second;
}

bool has_spread(const Device& device) {
  return std::any_of(device.references.begin(), device.references.end(),
                     [](const ReferenceLatency& each) { return each.p99 > each.p50; });
}

std::vector<std::string> cautions(const Device& device) {
  std::vector<std::string> all;
  const std::optional<Isa> level = parse_isa(device.machine.isa);
  if (!level || *level > active_isa()) {
    all.push_back(fmt::format(
        "The kernels are those that this machine ({}) would choose; the device ({}) may have "
        "others.",
        name(active_isa()), device.machine.isa));
  }
  if (device.machine.threads > available_cpus()) {
    all.push_back(fmt::format("The kernels are those of {} thread{}; the device runs {}.",
                              available_cpus(), available_cpus() == 1 ? "" : "s",
                              device.machine.threads));
  }
  if (!device.runtime.starts_with("betimes ")) {
    all.push_back(fmt::format(
        "Another runtime ({}) fuses in its own way: the steps are Betimes', at the pace of its "
        "references.",
        device.runtime));
  }
  if (!has_spread(device)) {
    all.emplace_back(
        "Its reference latencies are published without a spread: p90 and p99 aren't known.");
  }
  if (device.reference_set != reference_set_name) {
    all.push_back(fmt::format(
        "Its references ({}) are all of one family: for other models, and for the interval, that "
        "is less than ten of all kinds.",
        device.reference_set));
  }
  return all;
}

AdaptedModel::AdaptedModel(std::shared_ptr<const CostModel> model, const Device& device,
                           const std::vector<std::vector<Kernel>>& references)
    : model_(std::move(model)) {
  if (references.size() != device.references.size()) {
    throw Error(device.name, fmt::format("has {} reference latencies", device.references.size()),
                fmt::format("{}, of {}", references.size(), device.reference_set));
  }
  factors_.fill(1);
  std::vector<std::array<double, kernel_kinds>> parts;
  for (size_t r = 0; r < references.size(); ++r) {
    parts.push_back(by_kind(*model_, device, references[r], device.references[r].name));
  }
  Kinds found = Kinds::Zero();
  for (int round = 0; round < rounds; ++round) {
    Eigen::Matrix<double, kernel_kinds + 1, kernel_kinds + 1> left =
        kind_ridge * decltype(left)::Identity();
    left(kernel_kinds, kernel_kinds) = common_ridge;
    Kinds right = Kinds::Zero();
    for (size_t r = 0; r < references.size(); ++r) {
      Kinds shares = Kinds::Zero();
      double sum = 0;
      for (size_t k = 0; k < kernel_kinds; ++k) sum += parts[r][k] * factors_[k];
      if (!(sum > 0)) continue;
      for (size_t k = 0; k < kernel_kinds; ++k) {
        shares(static_cast<Eigen::Index>(k)) = parts[r][k] * factors_[k] / sum;
      }
      shares(kernel_kinds) = 1;
      // Linear around the factors so far: the error left, and what these factors explain already.
      const double error = std::log(device.references[r].p50 / sum) + shares.dot(found);
      left += shares * shares.transpose();
      right += shares * error;
    }
    found = left.ldlt().solve(right);
    for (size_t k = 0; k < kernel_kinds; ++k) {
      factors_[k] = std::exp(found(static_cast<Eigen::Index>(k)) + found(kernel_kinds));
    }
  }
}

std::optional<double> AdaptedModel::predict(const Kernel& kernel, const Device& device) const {
  const std::optional<double> ms = model_->predict(kernel, device);
  return ms ? std::optional(*ms * factor(kernel.work.kind)) : std::nullopt;
}

DeviceModel::DeviceModel(Device device, PredictOptions options)
    : DeviceModel(std::move(device), std::move(options), shipped_kernels(), shipped_calibrations(),
                  {}) {}

DeviceModel::DeviceModel(Device device, PredictOptions options,
                         std::shared_ptr<const CostModel> learned,
                         std::map<std::string, Calibration> calibrations,
                         const std::vector<std::vector<Kernel>>& references)
    : device_(std::move(device)),
      options_(std::move(options)),
      table_(operator_table()),
      calibrations_(std::move(calibrations)) {
  if (!(options_.level > 0 && options_.level < 1)) {
    throw Error("level", fmt::format("is {}", options_.level), "between 0 and 1");
  }
  const std::string& only = options_.model;
  if (!only.empty() && only != "roofline" && only != "learned" && only != table_->name()) {
    throw Error("model", fmt::format("is '{}'", only), "roofline, table or learned");
  }
  if (only == table_->name() && device_.kernels.empty()) {
    throw Error(device_.name, "has no table of kernels", "one probed with --table MODEL");
  }
  for (const auto& [model, calibration] : calibrations_) {
    if (std::isinf(calibration.half_width(options_.level))) {
      throw Error("level", fmt::format("is {}", options_.level),
                  fmt::format("at most {:.3f}: the intervals of '{}' rest on few models",
                              std::floor(1000 * calibration.highest_level()) / 1000, model));
    }
  }
  const auto& known = references.empty()
                          ? reference_kernels(device_.reference_set,
                                              std::min(device_.machine.threads, available_cpus()))
                          : references;
  if (only != "roofline" && learned) adapted_.emplace_back(std::move(learned), device_, known);
  adapted_.emplace_back(roofline_model(), device_, known);
  if (!only.empty() && only != table_->name()) table_.reset();
}

StepPrediction DeviceModel::step(const Kernel& kernel) const {
  StepPrediction found;
  found.bound = roofline(kernel.work, device_.machine);
  if (table_ && !device_.kernels.empty()) {
    if (const std::optional<double> ms = table_->predict(kernel, device_)) {
      found.ms = *ms;
      found.model = table_->name();
      return found;
    }
    if (options_.model == table_->name()) {
      throw Error(fmt::format("{} ({})", kernel.op, kernel.kernel),
                  "isn't in the device's table, nor anything like it",
                  "a device probed with --table on such a model, or another --cost-model");
    }
  }
  for (const AdaptedModel& each : adapted_) {
    if (const std::optional<double> ms = each.predict(kernel, device_)) {
      found.ms = *ms;
      found.model = each.model().name();
      return found;
    }
  }
  throw Error(fmt::format("{} ({})", kernel.op, kernel.kernel), "is known to no cost model");
}

/// How far the device's percentile lies above its median, for latencies like this one: the mean of
/// the references' factors, nearer ones counting more.
double DeviceModel::tail_factor(double p50, double ReferenceLatency::*percentile) const {
  double sum = 0;
  double weights = 0;
  for (const ReferenceLatency& each : device_.references) {
    const double weight = std::exp(-std::abs(std::log2(p50 / each.p50)));
    sum += weight * std::log(each.*percentile / each.p50);
    weights += weight;
  }
  return weights > 0 ? std::exp(sum / weights) : 1;
}

Prediction DeviceModel::predict(const std::vector<Kernel>& kernels) const {
  Prediction found;
  found.level = options_.level;
  std::map<std::string_view, double> parts;
  for (const Kernel& kernel : kernels) {
    found.steps.push_back(step(kernel));
    found.p50 += found.steps.back().ms;
    parts[found.steps.back().model] += found.steps.back().ms;
  }
  if (!(found.p50 > 0)) throw Error("the model", "has no step that takes time");
  if (!std::isfinite(found.p50)) {
    throw Error(device_.name, "has numbers that make no finite time of this model",
                "a profile of betimes probe");
  }
  found.p90 = found.p50 * tail_factor(found.p50, &ReferenceLatency::p90);
  found.p99 = found.p50 * tail_factor(found.p50, &ReferenceLatency::p99);
  double width = 0;
  for (const auto& [model, ms] : parts) {
    found.method += (found.method.empty() ? "" : " and ") + std::string(model);
    const auto calibration = calibrations_.find(std::string(model));
    const double own = calibration == calibrations_.end()
                           ? std::numeric_limits<double>::infinity()
                           : calibration->second.half_width(options_.level);
    width += ms / found.p50 * own;
  }
  found.low = found.p50 * std::exp(-width);
  found.high = found.p50 * std::exp(width);
  return found;
}

}  // namespace betimes::cost

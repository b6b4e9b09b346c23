#include "betimes/measure/profile.h"

#include <algorithm>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"

namespace betimes::measure {
namespace {

constexpr size_t kept_runs = 8;

double to_ms(double ns) { return ns * 1e-6; }

int64_t time_between_steps(const std::vector<int64_t>& run) {
  return run.back() - std::accumulate(run.begin(), run.end() - 1, int64_t{0});
}

double peak_of(const std::string& precision, const Machine& machine) {
  if (precision == "int8") return machine.peak_gops_int8;
  if (precision == "bf16") return machine.peak_gflops_bf16;
  return machine.peak_gflops_fp32;
}

}  // namespace

Profile summarize(const std::vector<runtime::StepInfo>& steps,
                  const std::vector<std::vector<int64_t>>& runs) {
  for (const auto& run : runs) {
    if (run.size() != steps.size() + 1) {
      throw Error("profile", "a run has " + std::to_string(run.size()) + " times",
                  std::to_string(steps.size() + 1));
    }
  }
  Profile result;
  result.runs = static_cast<int64_t>(runs.size());
  std::vector<double> column(runs.size());
  const auto median_over_runs = [&](const auto& ns_of) {
    for (size_t i = 0; i < runs.size(); ++i) column[i] = static_cast<double>(ns_of(runs[i]));
    return to_ms(median(column));
  };
  double sum = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const runtime::StepInfo& info = steps[i];
    StepTime step;
    step.name = info.name;
    step.op = info.op;
    step.kernel = info.kernel;
    step.precision = info.precision;
    step.macs = info.macs;
    step.bytes = info.bytes;
    step.median_ms = median_over_runs([i](const auto& run) { return run[i]; });
    sum += step.median_ms;
    result.steps.push_back(std::move(step));
  }
  for (StepTime& step : result.steps) step.share = sum > 0 ? step.median_ms / sum : 0;
  result.overhead_ms = median_over_runs(time_between_steps);
  result.total_ms = median_over_runs([](const auto& run) { return run.back(); });
  result.sum_ms = sum + result.overhead_ms;
  result.timelines.assign(
      runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(std::min(runs.size(), kept_runs)));
  return result;
}

void relate_to_machine(Profile& profile, const Machine& machine) {
  for (StepTime& step : profile.steps) {
    const double peak = peak_of(step.precision, machine);
    const double compute = peak > 0 ? 2 * step.macs / (peak * 1e9) : 0;
    const double memory =
        machine.read_gb_per_s > 0 ? step.bytes / (machine.read_gb_per_s * 1e9) : 0;
    const double least_ms = 1e3 * std::max(compute, memory);
    step.bound = least_ms > 0 ? (compute >= memory ? "compute" : "memory") : "";
    step.peak_fraction = step.median_ms > 0 ? least_ms / step.median_ms : 0;
  }
}

}  // namespace betimes::measure

#include "betimes/cost/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <numeric>

#include "betimes/base/cpu.h"
#include "betimes/base/error.h"
#include "betimes/base/statistics.h"
#include "betimes/cost/detail/fill.h"
#include "betimes/cost/reference_set.h"

namespace betimes::cost {
namespace {

/// Differences smaller than this aren't explained: repeated measurements differ as much.
constexpr double noise = 0.03;
constexpr double pace_seconds = 1;
constexpr int cold_runs = 9;
constexpr int profiled_ms = 500;
/// Of the difference that all steps make together; steps below it aren't named.
constexpr double worth_naming = 0.2;
/// A measured kernel so near counts as having been seen.
constexpr double near = 0.585;

double pace_of(const Device& device, uint64_t seed) {
  std::vector<runtime::Session> sessions;
  runtime::CompileOptions options;
  options.threads = device.machine.threads;
  for (const ReferenceNet& net : reference_nets()) {
    sessions.emplace_back(runtime::compile(net.make(), options));
    detail::fill(sessions.back(), sessions.size());
  }
  std::vector<std::function<void()>> runs;
  for (runtime::Session& session : sessions) runs.emplace_back([&session] { session.run(); });
  measure::Options how;
  how.max_seconds = pace_seconds;
  how.percentile = 0.5;
  const auto now = measure::measure_interleaved(runs, how, seed);
  std::vector<double> ratios;
  for (size_t i = 0; i < now.size(); ++i) {
    ratios.push_back(device.references[i].p50 / now[i].p50.value);
  }
  return median(ratios);
}

/// Median time of runs before each of which a block larger than the last cache was written.
double cold_ms(runtime::Session& session) {
  const auto bytes = static_cast<size_t>(std::max(2 * cpu_info().l3_bytes, 32L << 20));
  std::vector<unsigned char> block(bytes);
  std::vector<double> times;
  for (int run = 0; run < cold_runs; ++run) {
    std::fill(block.begin(), block.end(), static_cast<unsigned char>(run));
    const auto begun = std::chrono::steady_clock::now();
    session.run();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
    times.push_back(took.count());
  }
  return median(times);
}

std::string percent(double ratio) {
  return fmt::format("{:.0f} % {}", 100 * std::abs(ratio - 1), ratio > 1 ? "more" : "less");
}

void blame_steps(const Prediction& prediction, const std::vector<Kernel>& kernels,
                 const DeviceModel& device, Explanation& found) {
  std::vector<double> apart;  // ms, measured at the pace of the profile less predicted
  double all = 0;
  for (size_t i = 0; i < prediction.steps.size(); ++i) {
    apart.push_back(found.profile.steps[i].median_ms * found.pace - prediction.steps[i].ms);
    all += std::abs(apart.back());
  }
  std::vector<size_t> order(apart.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return std::abs(apart[a]) > std::abs(apart[b]); });
  for (const size_t i : order) {
    if (std::abs(apart[i]) < worth_naming * all || std::abs(apart[i]) < noise * prediction.p50) {
      break;
    }
    const double ratio = found.profile.steps[i].median_ms * found.pace / prediction.steps[i].ms;
    std::string sentence = fmt::format("{} ({}) takes {} than predicted",
                                       found.profile.steps[i].name, kernels[i].op, percent(ratio));
    if (prediction.steps[i].model != "table") {
      const auto nearest = nearest_kernels(kernels[i], device.device().kernels, 1);
      sentence += device.device().kernels.empty() ? "; the device has no table of kernels"
                  : nearest.empty() || nearest[0].distance > near
                      ? "; the device's table has no kernel like it"
                      : "; the device's table has one like it by another implementation";
    }
    found.reasons.push_back(sentence);
  }
}

void find_reasons(const Prediction& prediction, const std::vector<Kernel>& kernels,
                  const DeviceModel& device, Explanation& found) {
  const double ratio = found.latency.p50.value / prediction.p50;
  if (std::abs(ratio - 1) <= noise) {
    found.reasons.push_back(
        fmt::format("They agree within {:.0f} %, as repeated measurements do.", 100 * noise));
    return;
  }
  if (std::abs(found.pace - 1) > noise) {
    found.reasons.push_back(fmt::format(
        "The machine is {:.0f} % {} now than when it was probed (the reference networks say so): "
        "another frequency, or others at work on it",
        100 * std::abs(found.pace - 1), found.pace > 1 ? "faster" : "slower"));
  }
  const double tail = found.latency.p90.value / found.latency.p50.value;
  const double usual = prediction.p90 / prediction.p50;
  if (tail > usual * (1 + 2 * noise)) {
    found.reasons.push_back(
        fmt::format("Runs scatter more than on the references (p90 is {:.2f} times p50, usually "
                    "{:.2f}): something else wants the processor",
                    tail, usual));
  }
  blame_steps(prediction, kernels, device, found);
  if (found.cold > 1 + 2 * noise && ratio < 1) {
    found.reasons.push_back(
        fmt::format("Its data stays in the caches between these runs; with cold caches a run "
                    "takes {:.2f} times as long",
                    found.cold));
  }
  if (found.reasons.empty()) {
    found.reasons.push_back("No step, pace or scatter explains it: many steps differ a little");
  }
}

}  // namespace

bool is_here(const Device& device) {
  const std::optional<Isa> isa = parse_isa(device.machine.isa);
  return device.machine.cpu == cpu_info().model && isa && *isa <= detected_isa() &&
         device.machine.threads <= cpu_info().cpus && device.runtime.starts_with("betimes ") &&
         device.reference_set == reference_set_name;
}

Explanation explain(const Prediction& prediction, const DeviceModel& device,
                    runtime::Session& session, const ExplainOptions& options) {
  if (!is_here(device.device())) {
    throw Error(device.device().name, "isn't this machine",
                "a device that was probed here, to compare with what is measured");
  }
  Explanation found;
  measure::Options how;
  how.max_seconds = options.seconds;
  found.latency = measure::measure([&] { session.run(); }, how);
  found.profile = measure::profile(
      session, static_cast<int>(std::clamp(profiled_ms / std::max(found.latency.p50.value, 1e-6),
                                           20.0, 1000.0)));
  measure::relate_to_machine(found.profile, device.device().machine);
  found.cold = cold_ms(session) / found.latency.p50.value;
  found.pace = pace_of(device.device(), options.seed);
  find_reasons(prediction, kernels_of(session.plan().steps()), device, found);
  return found;
}

}  // namespace betimes::cost

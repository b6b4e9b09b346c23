#include "betimes/cost/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/cost/detail/fill.h"
#include "betimes/cost/reference_set.h"
#include "betimes/measure/latency.h"
#include "betimes/measure/profile.h"
#include "betimes/runtime/session.h"

namespace betimes::cost {
namespace {

std::vector<runtime::Session> open_sessions(int threads) {
  std::vector<runtime::Session> sessions;
  runtime::CompileOptions options;
  options.threads = threads;
  for (const ReferenceNet& net : reference_nets()) {
    sessions.emplace_back(runtime::compile(net.make(), options));
    detail::fill(sessions.back(), sessions.size());
  }
  return sessions;
}

/// Of each model of the table.
constexpr double table_seconds = 1;
/// Milliseconds that profiled runs may take, and how many there are.
constexpr double profiled_ms = 120;
constexpr double fewest_profiled = 16, most_profiled = 500;

/// The clock's own resolution: a step that it doesn't see isn't free.
constexpr double least_ms = 1e-6;

ReferenceLatency reference(const std::string& name, const measure::Latency& latency) {
  return {name,
          latency.p50.value,
          latency.p90.value,
          latency.p99.value,
          latency.p50.low,
          latency.p50.high,
          latency.runs};
}

void add_table(const ProbeOptions& options, Device& device) {
  for (const auto& plan : options.table) {
    runtime::Session session(plan);
    detail::fill(session, options.seed);
    measure::Options how;
    how.max_seconds = table_seconds;
    how.percentile = 0.5;
    const measure::Latency latency = measure::measure([&session] { session.run(); }, how);
    for (KernelTime& each : time_kernels(session, latency)) {
      device.kernels.push_back(std::move(each));
    }
  }
}

}  // namespace

std::vector<KernelTime> time_kernels(runtime::Session& session, const measure::Latency& latency) {
  const double runs = profiled_ms / std::max(latency.p50.value, 1e-6);
  const measure::Profile profile =
      measure::profile(session, static_cast<int>(std::clamp(runs, fewest_profiled, most_profiled)));
  std::vector<double> times;
  for (const measure::StepTime& step : profile.steps) {
    times.push_back(std::max(step.median_ms - latency.timer_ms, step.median_ms / 10));
  }
  const double sum = std::accumulate(times.begin(), times.end(), 0.0);
  std::vector<KernelTime> kernels;
  for (Kernel& kernel : kernels_of(session.plan().steps())) {
    const double part = sum > 0 ? times[kernels.size()] / sum : 0;
    kernels.push_back({std::move(kernel), std::max(part * latency.p50.value, least_ms)});
  }
  return kernels;
}

Device probe(const ProbeOptions& options) {
  if (!(options.seconds > 0 && std::isfinite(options.seconds))) {
    throw Error("seconds", fmt::format("is {}", options.seconds), "more than 0");
  }
  Device device;
  device.machine = measure::probe_machine(options.threads);
  device.name = !options.name.empty()
                    ? options.name
                    : fmt::format("{}, {}, {} thread{}", device.machine.cpu, device.machine.isa,
                                  options.threads, options.threads == 1 ? "" : "s");
  device.runtime = "betimes " BETIMES_VERSION;
  device.reference_set = reference_set_name;

  const PinnedTeam team(options.threads);
  std::vector<runtime::Session> sessions = open_sessions(options.threads);
  std::vector<std::function<void()>> runs;
  for (runtime::Session& session : sessions) runs.emplace_back([&session] { session.run(); });
  measure::Options how;
  how.max_seconds = options.seconds;
  how.progress = options.progress;
  const auto found = measure::measure_interleaved(runs, how, options.seed);
  device.timer_ms = found.front().timer_ms;
  for (size_t i = 0; i < found.size(); ++i) {
    device.references.push_back(reference(reference_nets()[i].name, found[i]));
  }
  add_table(options, device);
  return device;
}

}  // namespace betimes::cost

#include "betimes/cost/probe.h"

#include <fmt/format.h>

#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/base/threads.h"
#include "betimes/cost/reference_set.h"
#include "betimes/measure/latency.h"
#include "betimes/runtime/session.h"

namespace betimes::cost {
namespace {

/// Standard normal numbers, as `betimes measure` takes.
void fill(const runtime::Session& session, uint64_t seed) {
  Random random(seed);
  for (const TensorView& input : session.inputs()) {
    if (input.type.dtype != DType::f32) continue;  // row numbers of a table: zeros are valid
    float* const values = input.as<float>();
    for (int64_t i = 0; i < input.size(); ++i) values[i] = static_cast<float>(random.normal());
  }
}

std::vector<runtime::Session> open_sessions(int threads) {
  std::vector<runtime::Session> sessions;
  runtime::CompileOptions options;
  options.threads = threads;
  for (const ReferenceNet& net : reference_nets()) {
    sessions.emplace_back(runtime::compile(net.make(), options));
    fill(sessions.back(), sessions.size());
  }
  return sessions;
}

ReferenceLatency reference(const std::string& name, const measure::Latency& latency) {
  return {name,
          latency.p50.value,
          latency.p90.value,
          latency.p99.value,
          latency.p50.low,
          latency.p50.high,
          latency.runs};
}

}  // namespace

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
  return device;
}

}  // namespace betimes::cost

#include "bench/cost/collect.h"

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <optional>

#include "bench/cost/corpus.h"
#include "bench/cost/real_models.h"
#include "betimes/base/threads.h"
#include "betimes/cost/probe.h"

namespace betimes::bench {
namespace {

const Model& made_pattern() {
  static const Model pattern = [] {
    Model made;
    made.name = "made";
    made.scale = 2;
    made.offset = -1;
    return made;
  }();
  return pattern;
}

std::unique_ptr<runtime::Session> open(const RealModel& real, int threads, bool bf16 = false) {
  runtime::CompileOptions options;
  options.threads = threads;
  options.shapes = real.model.shapes;
  for (const auto& [name, number] : real.model.values) {
    options.values[name] = Tensor::scalar(number);
  }
  if (bf16) {
    for (const graph::Node& node : real.graph.nodes) options.bf16.insert(node.name);
  }
  auto session = std::make_unique<runtime::Session>(runtime::compile(real.graph, options));
  fill_real(*session, real.model);
  return session;
}

measure::Options how(double seconds) {
  measure::Options options;
  options.max_seconds = seconds;
  options.percentile = 0.5;
  options.min_seconds = seconds / 2;
  return options;
}

void add(const RealModel& model, runtime::Session& session, const measure::Latency& latency,
         Samples& samples) {
  samples.nets.push_back(net_of(model, latency));
  samples.nets.back().kernels = cost::time_kernels(session, latency);
}

/// Every third made network of convolutions or products is in 8 bits.
bool in_eight_bits(const MadeNet& net, uint64_t index) {
  return index / families().size() % 3 == 2 && net.graph.inputs.size() == 1 &&
         net.family != "recurrence" && net.family != "frame" &&
         net.graph.inputs[0].dtype == DType::f32;
}

void measure_made(const CollectOptions& options, Samples& samples) {
  for (int i = 0; i < options.made; ++i) {
    const auto index = static_cast<uint64_t>(i);
    MadeNet net = make_net(index);
    const bool lowered = in_eight_bits(net, index);
    const RealModel model{net.name, net.family, net.name,
                          lowered ? in_int8(net.graph, made_pattern()) : std::move(net.graph),
                          made_pattern()};
    const auto session = open(model, options.threads, net.bf16 && !lowered);
    add(model, *session, measure::measure([&] { session->run(); }, how(options.made_seconds)),
        samples);
    if (i % 44 == 43) fmt::print(stderr, "{} of {} made networks\n", i + 1, options.made);
  }
}

/// In turns, so that the machine's drift falls on all alike.
void measure_real(const CollectOptions& options, Samples& samples) {
  const std::vector<RealModel> models = real_models(options.list, options.packages);
  std::vector<std::unique_ptr<runtime::Session>> sessions;
  std::vector<std::function<void()>> runs;
  for (const RealModel& model : models) {
    sessions.push_back(open(model, options.threads));
    runs.emplace_back([session = sessions.back().get()] { session->run(); });
  }
  const auto latencies = measure::measure_interleaved(
      runs, how(options.real_seconds * static_cast<double>(models.size())), options.seed);
  for (size_t i = 0; i < models.size(); ++i) add(models[i], *sessions[i], latencies[i], samples);
}

}  // namespace

Samples collect(const CollectOptions& options) {
  const PinnedTeam team(options.threads);
  Samples samples;
  cost::ProbeOptions probe;
  probe.name = options.name;
  probe.threads = options.threads;
  probe.seconds = options.probe_seconds;
  samples.device = cost::probe(probe);
  samples.device.date = today();
  measure_made(options, samples);
  measure_real(options, samples);
  return samples;
}

}  // namespace betimes::bench

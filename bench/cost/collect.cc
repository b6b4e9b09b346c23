#include "bench/cost/collect.h"

#include <fmt/format.h>

#include <memory>

#include "bench/cost/corpus.h"
#include "bench/cost/pace.h"
#include "bench/cost/real_models.h"
#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/cost/probe.h"
#include "betimes/cost/reference_set.h"

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

/// The network and its kernels.
Visit visit(const RealModel& model, runtime::Session& session, double seconds) {
  Visit found;
  found.latency = measure::measure([&] { session.run(); }, how(seconds));
  found.net = net_of(model, found.latency);
  found.net.kernels = cost::time_kernels(session, found.latency);
  return found;
}

/// Every other made network of convolutions or products is in 8 bits.
bool in_eight_bits(const MadeNet& net, uint64_t index) {
  return index / families().size() % 2 == 1 && net.graph.inputs.size() == 1 &&
         net.family != "recurrence" && net.family != "frame" && net.family != "spectrum" &&
         net.graph.inputs[0].dtype == DType::f32;
}

/// To 8 bits. False for a network whose numbers grow beyond all bounds: it stays as it is.
bool lower(graph::Graph& graph) {
  try {
    graph = in_int8(graph, made_pattern());
    return true;
  } catch (const Error&) {
    return false;
  }
}

void measure_made(const CollectOptions& options, Pace& pace, Samples& samples) {
  for (int i = 0; i < options.made; ++i) {
    const auto index = static_cast<uint64_t>(i);
    const MadeNet net = make_net(index);
    RealModel model{net.name, net.family, net.name, net.graph, made_pattern()};
    const bool lowered = in_eight_bits(net, index) && lower(model.graph);
    const auto session = open(model, options.threads, net.bf16 && !lowered);
    const auto run = [&] { return visit(model, *session, options.made_seconds); };
    samples.nets.push_back(at_best(pace, run).net);
    if (i % 100 == 99) fmt::print(stderr, "{} of {} made networks\n", i + 1, options.made);
  }
}

void measure_real(const CollectOptions& options, Pace& pace, Samples& samples) {
  const std::vector<RealModel> models = real_models(options.list, options.packages);
  std::vector<std::vector<Visit>> found(models.size());
  for (size_t i = 0; i < visits; ++i) {
    for (size_t m = 0; m < models.size(); ++m) {
      const auto session = open(models[m], options.threads);
      const auto run = [&] { return visit(models[m], *session, options.real_seconds / visits); };
      found[m].push_back(at_best(pace, run));
    }
  }
  for (auto& each : found) samples.nets.push_back(middle_of(std::move(each)).net);
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
  Pace pace(options.threads);
  measure_made(options, pace, samples);
  measure_real(options, pace, samples);
  return samples;
}

}  // namespace betimes::bench

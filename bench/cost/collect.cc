#include "bench/cost/collect.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <memory>
#include <thread>

#include "bench/cost/corpus.h"
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

/// Whether the machine is as fast as it ever was. Neighbours on the same processor make everything
/// on it slower by up to a half, for tenths of seconds or for minutes, and nothing here tells of it
/// but time itself.
class Pace {
 public:
  explicit Pace(int threads) {
    runtime::CompileOptions options;
    options.threads = threads;
    session_ = std::make_unique<runtime::Session>(
        runtime::compile(cost::reference_nets().back().make(), options));
    for (int i = 0; i < 200; ++i) look();
  }
  bool is_best() {
    constexpr double like = 1.04;
    const double now = look();
    return now < like * best_;
  }

 private:
  double look() {
    constexpr int runs = 5;
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < runs; ++i) {
      const auto begun = std::chrono::steady_clock::now();
      session_->run();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
      least = std::min(least, took.count());
    }
    best_ = std::min(best_, least);
    return least;
  }

  std::unique_ptr<runtime::Session> session_;
  double best_ = std::numeric_limits<double>::infinity();
};

/// The network and its kernels while the machine is at its best, or, where that never comes, the
/// fastest of several tries.
MeasuredNet measure_net(const RealModel& model, runtime::Session& session, double seconds,
                        Pace& pace) {
  constexpr int most_tries = 6;
  MeasuredNet best;
  for (int i = 0; i < most_tries; ++i) {
    if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(100 * i));
    const bool before = pace.is_best();
    const measure::Latency latency = measure::measure([&] { session.run(); }, how(seconds));
    MeasuredNet found = net_of(model, latency);
    found.kernels = cost::time_kernels(session, latency);
    const bool quiet = before && pace.is_best();
    if (quiet || i == 0 || found.p50 < best.p50) best = std::move(found);
    if (quiet) break;
  }
  return best;
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
    samples.nets.push_back(measure_net(model, *session, options.made_seconds, pace));
    if (i % 100 == 99) fmt::print(stderr, "{} of {} made networks\n", i + 1, options.made);
  }
}

/// Each in three visits that lie far apart: of these the middle one. The halves are then two of the
/// visits, so that they tell how well a measurement repeats.
void measure_real(const CollectOptions& options, Pace& pace, Samples& samples) {
  constexpr size_t visits = 3;
  const std::vector<RealModel> models = real_models(options.list, options.packages);
  std::vector<std::array<MeasuredNet, visits>> found(models.size());
  for (size_t visit = 0; visit < visits; ++visit) {
    for (size_t i = 0; i < models.size(); ++i) {
      const auto session = open(models[i], options.threads);
      found[i][visit] = measure_net(models[i], *session, options.real_seconds / visits, pace);
    }
  }
  for (auto& nets : found) {
    const double first = nets[0].p50;
    const double second = nets[1].p50;
    std::sort(nets.begin(), nets.end(),
              [](const MeasuredNet& a, const MeasuredNet& b) { return a.p50 < b.p50; });
    samples.nets.push_back(std::move(nets[visits / 2]));
    samples.nets.back().halves[0] = first;
    samples.nets.back().halves[1] = second;
  }
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

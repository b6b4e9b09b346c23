#include "systems/search/common/train_latency.h"

#include <torch/utils.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "betimes/base/random.h"
#include "betimes/base/statistics.h"
#include "betimes/runtime/session.h"
#include "systems/search/common/train_blocks.h"

namespace betimes::systems::search {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double calm = 0.1;    // quartile spread over the median
constexpr int runs_a_turn = 6;  // the first brings the caches back and isn't counted
constexpr double least_ms = 1e-6;

double milliseconds(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

runtime::Session open(const graph::Graph& graph, Random& random) {
  runtime::Session session(runtime::compile(graph));
  for (const TensorView& input : session.inputs()) {
    float* values = input.as<float>();
    for (int64_t i = 0; i < input.size(); ++i) values[i] = static_cast<float>(random.uniform());
  }
  return session;
}

Timing summary(std::vector<double>& samples) {
  std::sort(samples.begin(), samples.end());
  const double middle = median(samples);
  const double quartiles = quantile_of_sorted(samples, 0.75) - quantile_of_sorted(samples, 0.25);
  return {std::max(middle, least_ms), quartiles / std::max(middle, least_ms)};
}

/// What a run costs that computes nothing to speak of.
graph::Graph idle_graph() {
  graph::Graph graph;
  graph.name = "idle";
  graph.inputs = {{"image", DType::f32, std::vector<graph::Dim>{{1, {}}, {1, {}}}}};
  graph.outputs = {{"output", DType::f32, std::vector<graph::Dim>{{1, {}}, {1, {}}}}};
  graph.nodes = {{"relu", "Relu", "", {"image"}, {"output"}, {}}};
  graph::validate(graph);
  return graph;
}

}  // namespace

std::vector<Timing> time_graphs(const std::vector<graph::Graph>& graphs,
                                const TimingOptions& options) {
  Random random(options.seed);
  std::vector<runtime::Session> sessions;
  for (const graph::Graph& graph : graphs) sessions.push_back(open(graph, random));
  std::vector<std::vector<double>> samples(graphs.size());
  std::vector<size_t> order(graphs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto begun = Clock::now();
  constexpr int least_rounds = 3;
  for (int round = 0; round < options.rounds; ++round) {
    random.shuffle(std::span<size_t>(order));
    for (const size_t i : order) {
      for (int run = 0; run < runs_a_turn; ++run) {
        const auto start = Clock::now();
        sessions[i].run();
        if (run > 0 && round > 0) samples[i].push_back(milliseconds(Clock::now() - start));
      }
    }
    if (round >= least_rounds && milliseconds(Clock::now() - begun) > 1e3 * options.seconds) break;
  }
  std::vector<Timing> found;
  for (std::vector<double>& each : samples) found.push_back(summary(each));
  return found;
}

std::vector<Timing> time_nets(const std::vector<BlockNet>& nets, const TimingOptions& options) {
  torch::manual_seed(options.seed);
  std::vector<graph::Graph> graphs;
  for (const BlockNet& net : nets) {
    BlockModel model(net);
    model->eval();
    graphs.push_back(served_graph(model, net.resolution));
  }
  std::vector<Timing> found = time_graphs(graphs, options);
  std::vector<size_t> noisy;
  std::vector<graph::Graph> again;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i].spread <= calm) continue;
    noisy.push_back(i);
    again.push_back(graphs[i]);
  }
  if (noisy.empty()) return found;
  const std::vector<Timing> second = time_graphs(again, options);
  for (size_t i = 0; i < noisy.size(); ++i) {
    if (second[i].spread < found[noisy[i]].spread) found[noisy[i]] = second[i];
  }
  return found;
}

LatencyTable measure_table(const std::vector<Layer>& layers, const TimingOptions& options) {
  torch::manual_seed(options.seed);
  std::map<std::string, Layer> distinct;
  for (const Layer& layer : layers) {
    if (layer.op != Operator::zero) distinct.emplace(key(layer), layer);
  }
  std::vector<graph::Graph> graphs = {idle_graph()};
  for (const auto& [name, layer] : distinct) {
    BlockLayer made(layer, 1e-3);
    made->eval();
    graphs.push_back(layer_graph(made));
  }
  const std::vector<Timing> times = time_graphs(graphs, options);
  LatencyTable table;
  size_t i = 1;
  for (const auto& [name, layer] : distinct) {
    table.add(name, std::max(least_ms, times[i++].ms - times[0].ms));
  }
  return table;
}

}  // namespace betimes::systems::search

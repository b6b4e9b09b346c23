#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "bench/compare/peer.h"
#include "bench/cost/collect.h"
#include "bench/cost/pace.h"
#include "bench/cost/real_models.h"
#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/base/statistics.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/base/threads.h"
#include "betimes/cost/reference_set.h"
#include "betimes/import/onnx.h"
#include "betimes/measure/latency.h"
#include "betimes/runtime/session.h"

namespace betimes::bench {
namespace {

constexpr int64_t few_runs = 3;

/// A model in the peer's process; inputs as our own session would have them.
struct Opened {
  RealModel model;
  std::vector<Visit> found;
};

void open(Peer& peer, const RealModel& each, const std::string& file, int threads) {
  import::write_onnx(each.graph, file);
  runtime::CompileOptions options;
  options.shapes = each.model.shapes;
  for (const auto& [name, number] : each.model.values) {
    options.values[name] = Tensor::scalar(number);
  }
  const runtime::Session ours(runtime::compile(each.graph, options));
  fill_real(ours, each.model);
  peer.open(each.name, file, threads);
  for (size_t i = 0; i < ours.inputs().size(); ++i) {
    peer.set_input(each.name, ours.plan().inputs()[i].name, ours.inputs()[i]);
  }
  for (const auto& [name, number] : each.model.values) {
    const Tensor value = Tensor::scalar(number);
    peer.set_input(each.name, name, view(value));
  }
  peer.prepare(each.name);
}

std::vector<Opened> open_all(Peer& peer, const CollectOptions& options) {
  const TemporaryFolder folder;
  std::vector<Opened> all;
  for (RealModel& each : real_models(options.list, options.packages)) {
    try {
      open(peer, each, folder.at("model.onnx"), options.threads);
      all.push_back({std::move(each), {}});
    } catch (const Error& error) {
      fmt::print(stderr, "{}: {}\n", each.name, error.what());
    }
  }
  return all;
}

Visit visit(Peer& peer, const RealModel& model, double seconds) {
  const double each =
      median(peer.run(model.name, few_runs));  // not sampled: brings back the caches
  const double count = 1000 * seconds / std::max(each, 1e-3);
  Visit found;
  found.latency = measure::summarize(
      peer.run(model.name, std::clamp(static_cast<int64_t>(count), few_runs, int64_t{20'000})));
  found.net = net_of(model, found.latency);
  return found;
}

void visit_all(Peer& peer, std::vector<Opened>& all, const CollectOptions& options) {
  Pace pace(1);  // of the machine: the peer's process has its own threads
  std::vector<size_t> order(all.size());
  std::iota(order.begin(), order.end(), size_t{0});
  Random random(options.seed);
  for (size_t round = 0; round < visits; ++round) {
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    for (const size_t i : order) {
      const auto run = [&] { return visit(peer, all[i].model, options.real_seconds / visits); };
      all[i].found.push_back(at_best(pace, run));
    }
  }
}

}  // namespace

Samples collect_peer(const CollectOptions& options) {
  own_cpus();  // before anything is pinned
  Peer peer(BETIMES_SOURCE_DIR "/bench/peers/ort.js", options.packages);
  std::vector<Opened> all = open_all(peer, options);
  visit_all(peer, all, options);
  Samples samples;
  samples.device.name = options.name;
  samples.device.machine = measure::probe_machine(options.threads);
  samples.device.runtime = fmt::format("onnxruntime {}", peer.version());
  samples.device.date = today();
  samples.device.reference_set = cost::reference_set_name;
  for (Opened& each : all) {
    const Visit middle = middle_of(std::move(each.found));
    if (middle.net.family == "reference") {
      samples.device.references.push_back(reference_of(middle.net, middle.latency));
    }
    samples.nets.push_back(middle.net);
  }
  return samples;
}

}  // namespace betimes::bench

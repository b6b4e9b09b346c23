#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <chrono>

#include "betimes/base/statistics.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/learn/checkpoint.h"
#include "systems/hardware/preroutgnn/reproduce_parts.h"
#include "systems/hardware/preroutgnn/served.h"
#include "systems/hardware/preroutgnn/train_memory.h"

namespace betimes::systems::preroutgnn {
namespace {

/// The most that tensors take while each graph is stepped through once, beyond graphs and weights.
template <class Loss>
size_t step_bytes(const std::vector<GraphTensors>& graphs, torch::nn::Module& model,
                  const Loss& loss) {
  const auto forget = [&] {
    for (at::Tensor& parameter : model.parameters()) parameter.mutable_grad().reset();
  };
  return peak_tensor_bytes([&] {
    for (const GraphTensors& graph : graphs) {
      forget();
      loss(graph).backward();
    }
    forget();
  });
}

double seconds_of(ServedPredictor& predictor, const Circuit& circuit) {
  std::vector<double> found;
  for (int i = 0; i < 6; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    predictor.predict(circuit);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    if (i > 0) found.push_back(took.count());  // the first one makes plans
  }
  return median(found);
}

}  // namespace

void compare_memory(system::Study& study, const Material& material) {
  const CircuitSet& circuits = material.circuits;
  const Statistics statistics = fit_statistics(circuits.training, circuits.arcs);
  const ModelOptions options;
  torch::manual_seed(study.seed());
  Predictor model(options, circuits.arcs, statistics);
  Autoencoder code(options);
  struct Bytes {
    size_t code, predictor;
  };
  const auto graphs_of = [&](int64_t most_pins) {
    return make_graphs(circuits.training, circuits.arcs, statistics, options, most_pins,
                       Training().halo);
  };
  const auto bytes_of = [&](int64_t most_pins) {
    const auto graphs = graphs_of(most_pins);
    return Bytes{
        step_bytes(graphs, *code, [&](const auto& each) { return code->loss(each, 0); }),
        step_bytes(graphs, *model, [&](const auto& each) { return model->loss(each, true); })};
  };
  const auto most_of = [](const Bytes& each) {
    return static_cast<double>(std::max(each.code, each.predictor));
  };
  system::Table table{"Tensors of one training step at most, MB",
                      {"block's pins", "auto-encoder", "predictor"},
                      {}};
  const auto add_row = [&](const std::string& pins, const Bytes& each) {
    table.rows.push_back(
        {pins, static_cast<double>(each.code) / 1e6, static_cast<double>(each.predictor) / 1e6});
  };
  const Bytes whole = bytes_of(0);
  add_row("whole designs", whole);
  const int64_t chosen = block_pins(study);
  for (const int64_t most : {4 * chosen, 2 * chosen, chosen}) {
    const Bytes bytes = bytes_of(most);
    add_row(std::to_string(most), bytes);
    if (most != chosen) continue;
    study.evidence("partition-memory",
                   {most_of(bytes) / most_of(whole),
                    {},
                    1,
                    fmt::format("blocks of {} pins, halo of {} levels", most, Training().halo)});
  }
  study.table(std::move(table));
}

void compare_cost(system::Study& study, const Material& material) {
  const CircuitSet& circuits = material.circuits;
  const Statistics statistics = fit_statistics(circuits.training, circuits.arcs);
  const TemporaryFolder folder;
  system::Table table{
      "Seconds a design, one thread; an untrained model costs what a trained one does",
      {"design", "pins", "levels", "predicted", "1 level a call", "tables' means",
       "working memory, MB", "place", "route (modelled)", "analyse"},
      {}};
  const auto served = [&](const ModelOptions& options, int64_t levels) {
    const std::string path = model_file(folder.path().string(), options);
    torch::manual_seed(study.seed());
    const Predictor model(options, circuits.arcs, statistics);
    auto metadata = format_options(options);
    metadata.merge(format_statistics(statistics));
    learn::save_weights(path, *model, metadata);
    return ServedPredictor(path, circuits.arcs, {levels, 1});
  };
  ModelOptions means;
  means.reading = Reading::mean;
  ServedPredictor usual = served({}, 16), single = served({}, 1), cheap = served(means, 16);
  for (const Circuit& each : circuits.test) {
    table.rows.push_back({each.name, static_cast<double>(each.pins()),
                          static_cast<double>(each.levels), seconds_of(usual, each),
                          seconds_of(single, each), seconds_of(cheap, each),
                          static_cast<double>(usual.memory_bytes()) / 1e6, each.place_seconds,
                          each.route_seconds, each.analyse_seconds});
  }
  study.table(std::move(table));
}

}  // namespace betimes::systems::preroutgnn

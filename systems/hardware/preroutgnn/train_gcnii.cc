#include "systems/hardware/preroutgnn/train_gcnii.h"

#include <torch/utils.h>

#include <cmath>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {
namespace {

using torch::nn::Linear;

constexpr auto inputs = static_cast<int64_t>(node_feature_count + level_feature_count);

Linear without_bias(int64_t width) {
  return Linear(torch::nn::LinearOptions(width, width).bias(false));
}

}  // namespace

GcniiImpl::GcniiImpl(const GcniiOptions& options, const ModelOptions& columns,
                     const Statistics& statistics)
    : options_(options),
      columns_(columns),
      statistics_(statistics),
      first_(register_module("first", Linear(inputs, options.hidden))),
      last_(register_module("last",
                            Linear(options.hidden, 2 * static_cast<int64_t>(columns.columns())))) {
  for (int64_t i = 0; i < options.layers; ++i) {
    layers_.push_back(register_module(std::to_string(i), without_bias(options.hidden)));
  }
}

at::Tensor smooth(const at::Tensor& rows, const GraphTensors& graph) {
  const at::Tensor degree =
      at::ones({graph.pins}).index_add(0, graph.target, at::ones({graph.target.size(0)}));
  const at::Tensor scale = degree.rsqrt().unsqueeze(1);
  const at::Tensor scaled = rows * scale;
  return scaled.index_add(0, graph.target, scaled.index_select(0, graph.source)) * scale;
}

at::Tensor GcniiImpl::forward(const GraphTensors& graph) {
  const at::Tensor start = at::relu(first_(at::cat({graph.nodes, graph.levels}, 1)));
  at::Tensor h = start;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const double beta = std::log(options_.lambda / static_cast<double>(i + 1) + 1);
    const at::Tensor mixed = (1 - options_.alpha) * smooth(h, graph) + options_.alpha * start;
    h = at::relu((1 - beta) * mixed + beta * layers_[i](mixed));
  }
  const at::Tensor found = last_(h);
  const auto count = static_cast<int64_t>(columns_.columns());
  const at::Tensor arrival =
      (found.slice(1, 0, count) * statistics_.arrival_deviation + statistics_.arrival_mean) /
      statistics_.delay;
  return at::cat({arrival, found.slice(1, count)}, 1);
}

at::Tensor GcniiImpl::loss(const GraphTensors& graph) {
  const auto count = static_cast<int64_t>(columns_.columns());
  const at::Tensor apart = (forward(graph) - graph.state).index_select(0, graph.own_pins);
  const double unit = double{statistics_.delay} / double{statistics_.arrival_deviation};
  return (apart.slice(1, 0, count) * unit).square().mean() + apart.slice(1, count).square().mean();
}

Prediction GcniiImpl::predict(const GraphTensors& graph) {
  const torch::NoGradGuard no_gradient;
  return restore(forward(graph), {}, {}, statistics_, columns_);
}

Gcnii train_gcnii(std::span<const Circuit> training, std::span<const Circuit> validation,
                  std::span<const Arc> library, const Statistics& statistics,
                  const ModelOptions& columns_of, const GcniiOptions& options, const Training& how,
                  const EpochReport& report) {
  if (training.empty() || validation.empty()) {
    throw Error("GCNII", "has no design to learn from, or none to choose an epoch by");
  }
  torch::manual_seed(how.seed);
  Gcnii model(options, columns_of, statistics);
  const auto graphs =
      make_graphs(training, library, statistics, columns_of, how.most_pins, how.halo);
  const auto held_out = make_graphs(validation, library, statistics, columns_of, 0, 0);
  const std::vector<size_t> chosen = columns(columns_of);
  fit_graphs(
      *model, graphs, [&](const GraphTensors& graph) { return model->loss(graph); },
      [&] {
        std::vector<Prediction> found;
        for (const GraphTensors& graph : held_out) found.push_back(model->predict(graph));
        return measure(validation, found, chosen).arrival.r2().value_or(0);
      },
      how, report);
  return model;
}

}  // namespace betimes::systems::preroutgnn

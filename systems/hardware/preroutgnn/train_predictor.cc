#include "systems/hardware/preroutgnn/train_predictor.h"

#include <fmt/format.h>
#include <torch/utils.h>

#include "betimes/base/error.h"
#include "betimes/learn/checkpoint.h"
#include "systems/hardware/common/train_segments.h"

namespace betimes::systems::preroutgnn {
namespace {

using torch::nn::Linear;

constexpr auto base_features = static_cast<int64_t>(node_feature_count + level_feature_count);

at::Tensor squares(const at::Tensor& predicted, const at::Tensor& truth) {
  if (truth.numel() == 0) return predicted.sum();
  return (predicted - truth).square().mean();
}

}  // namespace

PredictorImpl::PredictorImpl(const ModelOptions& options, std::span<const Arc> library,
                             const Statistics& statistics)
    : options_(options),
      statistics_(statistics),
      columns_(static_cast<int64_t>(options.columns())) {
  check(options);
  const int64_t width = options.width(), inputs = base_features + 2 * options.latent;
  const int64_t known = inputs + width, state = 2 * columns_, both = state + 2 * known;
  if (options.latent > 0) {
    encoder_ = register_module("encoder", Coder(base_features, options.latent, options));
  }
  stem_ = register_module("stem", Linear(inputs, width));
  for (int64_t i = 0; i < options.net_layers; ++i) {
    convolutions_.push_back(
        register_module(fmt::format("convolution{}", i), NetConv(width, options.hidden)));
  }
  net_delay_ = register_module("net_delay", Mlp(width, options.hidden, 2, columns_));
  net_step_ = register_module("net_step", Mlp(both, options.hidden, 4, state));
  reader_ = register_module("reader", TableReader(both, options, library, statistics));
  message_ = register_module(
      "message", Mlp(both + reader_->width(), options.hidden, 3, 1 + 2 * message_width + columns_));
  update_ = register_module("update", Mlp(known + 2 * message_width, options.hidden, 3, state));
}

void PredictorImpl::start_from(Autoencoder& autoencoder) {
  if (!encoder_) throw Error("predictor", "has no encoder to start from another's");
  learn::load_module(*encoder_, learn::module_tensors(*autoencoder->encoder()));
}

at::Tensor PredictorImpl::features(const GraphTensors& graph) {
  std::vector<at::Tensor> parts = {graph.nodes, graph.levels};
  if (encoder_) {
    const at::Tensor latent = encoder_(at::cat(parts, 1), graph);
    parts.push_back(latent);
    parts.push_back(latent.mean(0, true).expand_as(latent));
  }
  const at::Tensor x = at::cat(parts, 1);
  at::Tensor h = at::leaky_relu(stem_(x), leak);
  for (NetConv& each : convolutions_) h = each(h, graph);
  return at::cat({x, h}, 1);
}

at::Tensor PredictorImpl::net_delays(const GraphTensors& graph, const at::Tensor& features) {
  const at::Tensor h = features.slice(1, features.size(1) - options_.width());
  return net_delay_(h.index_select(0, graph.sink));
}

/// An invertible linear change of the state: each corner's mean of rise and fall in the range of
/// all arrivals, half their difference in that of delays, slews.
at::Tensor PredictorImpl::step_inputs(const at::Tensor& state) const {
  const at::Tensor pairs = state.slice(1, 0, columns_).view({state.size(0), options_.corners, 2});
  const at::Tensor mean = (pairs.mean(2) * statistics_.delay - statistics_.arrival_mean) /
                          statistics_.arrival_deviation;
  const at::Tensor apart = 0.5 * (pairs.select(2, 0) - pairs.select(2, 1));
  return at::cat({mean, apart, state.slice(1, columns_)}, 1);
}

at::Tensor PredictorImpl::net_step(const GraphTensors& graph, const at::Tensor& features,
                                   const at::Tensor& state, const at::Tensor& edges) {
  const at::Tensor drivers = graph.driver.index_select(0, edges);
  const at::Tensor before = state.index_select(0, drivers);
  const at::Tensor found =
      net_step_(at::cat({step_inputs(before), features.index_select(0, drivers),
                         features.index_select(0, graph.sink.index_select(0, edges))},
                        1));
  if (options_.residual != Residual::none) return before + found;
  const at::Tensor arrival =
      (found.slice(1, 0, columns_) * statistics_.arrival_deviation + statistics_.arrival_mean) /
      statistics_.delay;
  return at::cat({arrival, found.slice(1, columns_)}, 1);
}

PredictorImpl::CellStep PredictorImpl::cell_step(const GraphTensors& graph,
                                                 const at::Tensor& features,
                                                 const at::Tensor& state, const at::Tensor& edges) {
  const at::Tensor inputs = graph.input.index_select(0, edges);
  const at::Tensor outputs = graph.output.index_select(0, edges);
  const at::Tensor before = state.index_select(0, inputs);
  const at::Tensor query = at::cat(
      {step_inputs(before), features.index_select(0, inputs), features.index_select(0, outputs)},
      1);
  const at::Tensor read = reader_(query, graph.arc.index_select(0, edges));
  const at::Tensor found = message_(at::cat({query, read}, 1));
  const auto [pins, place, counts] = at::_unique2(outputs, true, true);
  const int64_t count = pins.size(0);
  const at::Tensor gate = found.slice(1, 0, 1).sigmoid();
  const at::Tensor sums =
      hardware::segment_sum(found.slice(1, 1, 1 + message_width) * gate, place, count);
  const at::Tensor most = hardware::segment_max(
      found.slice(1, 1 + message_width, 1 + 2 * message_width) * gate, place, count);
  const at::Tensor delays = found.slice(1, 1 + 2 * message_width);
  const at::Tensor change = update_(at::cat({features.index_select(0, pins), sums, most}, 1));
  at::Tensor arrival = change.slice(1, 0, columns_);
  if (options_.residual == Residual::all_steps) {
    // The input that decides: the first one for early arrivals, the last one for late ones.
    const at::Tensor arrivals = before.slice(1, 0, columns_) + delays;
    const at::Tensor late = hardware::segment_max(arrivals.slice(1, columns_ - 2), place, count);
    arrival =
        arrival +
        (options_.corners == 1
             ? late
             : at::cat({hardware::segment_min(arrivals.slice(1, 0, 2), place, count), late}, 1));
  } else {
    arrival =
        (arrival * statistics_.arrival_deviation + statistics_.arrival_mean) / statistics_.delay;
  }
  return {pins, at::cat({arrival, change.slice(1, columns_)}, 1), delays};
}

PredictorImpl::Propagated PredictorImpl::propagate(const GraphTensors& graph) {
  const at::Tensor known = features(graph);
  at::Tensor state = at::zeros_like(graph.state)
                         .index_copy(0, graph.starts, graph.state.index_select(0, graph.starts));
  std::vector<at::Tensor> delays, edges;
  for (const GraphTensors::Step& step : graph.steps) {
    if (step.net) {
      state = state.index_copy(0, graph.sink.index_select(0, step.edges),
                               net_step(graph, known, state, step.edges));
      continue;
    }
    const CellStep found = cell_step(graph, known, state, step.edges);
    state = state.index_copy(0, found.pins, found.states);
    delays.push_back(found.delays);
    edges.push_back(step.edges);
  }
  at::Tensor cell_delay = at::zeros_like(graph.cell_delay);
  if (!edges.empty()) cell_delay = cell_delay.index_copy(0, at::cat(edges), at::cat(delays));
  return {state, net_delays(graph, known), cell_delay};
}

at::Tensor PredictorImpl::arrival_error(const at::Tensor& predicted, const at::Tensor& truth,
                                        bool in_delays) const {
  const double unit =
      in_delays ? 1 : double{statistics_.delay} / double{statistics_.arrival_deviation};
  return squares(predicted.slice(1, 0, columns_) * unit, truth.slice(1, 0, columns_) * unit);
}

at::Tensor PredictorImpl::loss(const GraphTensors& graph, bool teacher_forcing, ArrivalUnit unit) {
  at::Tensor net_delay, cell_delay, nets, cells, outputs;
  const at::Tensor sinks = graph.sink.index_select(0, graph.own_nets);
  if (teacher_forcing) {
    const at::Tensor known = features(graph);
    net_delay = net_delays(graph, known);
    nets = net_step(graph, known, graph.state, graph.own_nets);
    CellStep step = cell_step(graph, known, graph.state, graph.own_arcs);
    cells = step.states;
    outputs = step.pins;
    cell_delay = step.delays;
  } else {
    const Propagated all = propagate(graph);
    net_delay = all.net_delay;
    nets = all.state.index_select(0, sinks);
    outputs = std::get<0>(at::_unique(graph.output.index_select(0, graph.own_arcs)));
    cells = all.state.index_select(0, outputs);
    cell_delay = all.cell_delay.index_select(0, graph.own_arcs);
  }
  const at::Tensor net_truth = graph.state.index_select(0, sinks);
  const at::Tensor cell_truth = graph.state.index_select(0, outputs);
  const bool delays = unit == ArrivalUnit::delay;
  return arrival_error(nets, net_truth, delays || options_.residual != Residual::none) +
         arrival_error(cells, cell_truth, delays || options_.residual == Residual::all_steps) +
         squares(nets.slice(1, columns_), net_truth.slice(1, columns_)) +
         squares(cells.slice(1, columns_), cell_truth.slice(1, columns_)) +
         squares(net_delay.index_select(0, graph.own_nets),
                 graph.net_delay.index_select(0, graph.own_nets)) +
         squares(cell_delay, graph.cell_delay.index_select(0, graph.own_arcs));
}

Prediction PredictorImpl::predict(const GraphTensors& graph) {
  const torch::NoGradGuard no_gradient;
  const Propagated all = propagate(graph);
  return restore(all.state, all.net_delay, all.cell_delay, statistics_, options_);
}

Predictor train_predictor(std::span<const Circuit> training, std::span<const Circuit> validation,
                          std::span<const Arc> library, const Statistics& statistics,
                          const ModelOptions& options, Autoencoder* first, const Training& how,
                          const EpochReport& report) {
  if (training.empty() || validation.empty()) {
    throw Error("predictor", "has no design to learn from, or none to choose an epoch by");
  }
  torch::manual_seed(how.seed);
  Predictor model(options, library, statistics);
  if (first != nullptr && options.latent > 0) model->start_from(*first);
  const auto graphs = make_graphs(training, library, statistics, options, how.most_pins, how.halo);
  const auto held_out = make_graphs(validation, library, statistics, options, 0, 0);
  const std::vector<size_t> chosen = columns(options);
  fit_graphs(
      *model, graphs,
      [&](const GraphTensors& graph) {
        return model->loss(graph, how.teacher_forcing, how.arrival_unit);
      },
      [&] {
        std::vector<Prediction> found;
        for (const GraphTensors& graph : held_out) found.push_back(model->predict(graph));
        return measure(validation, found, chosen).arrival.r2().value_or(0);
      },
      how, report);
  return model;
}

std::vector<Prediction> predict_all(Predictor& model, std::span<const Circuit> circuits,
                                    std::span<const Arc> library) {
  model->eval();
  std::vector<Prediction> found;
  for (const Circuit& circuit : circuits) {
    found.push_back(
        model->predict(make_graph(circuit, library, model->statistics(), model->options())));
  }
  return found;
}

}  // namespace betimes::systems::preroutgnn

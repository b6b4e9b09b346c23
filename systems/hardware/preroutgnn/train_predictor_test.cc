#include "systems/hardware/preroutgnn/train_predictor.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include "betimes/base/error.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/learn/checkpoint.h"
#include "systems/hardware/preroutgnn/served.h"
#include "systems/hardware/preroutgnn/testing_circuits.h"

namespace betimes::systems::preroutgnn {
namespace {

const size_t late[] = {late_rise, late_fall};

GraphTensors graph_of(const TestCircuits& circuits, const ModelOptions& options) {
  return make_graph(circuits.parts.training[0], circuits.set.arcs, circuits.statistics, options);
}

TEST(PreRoutePredictor, TeacherForcingEqualsLevelsFromTrueStates) {
  torch::manual_seed(1);
  const TestCircuits circuits;
  for (const Residual residual : {Residual::none, Residual::nets, Residual::all_steps}) {
    ModelOptions options;
    options.residual = residual;
    options.corners = 2;
    const GraphTensors graph = graph_of(circuits, options);
    Predictor model(options, circuits.set.arcs, circuits.statistics);
    const torch::NoGradGuard no_gradient;
    const at::Tensor known = model->features(graph);
    const at::Tensor nets = model->net_step(graph, known, graph.state, graph.own_nets);
    const auto cells = model->cell_step(graph, known, graph.state, graph.own_arcs);
    at::Tensor at_once = graph.state.clone();
    at_once.index_copy_(0, graph.sink, nets);
    at_once.index_copy_(0, cells.pins, cells.states);
    at::Tensor by_level = graph.state.clone();
    for (const GraphTensors::Step& step : graph.steps) {
      if (step.net) {
        by_level.index_copy_(0, graph.sink.index_select(0, step.edges),
                             model->net_step(graph, known, graph.state, step.edges));
      } else {
        const auto own = model->cell_step(graph, known, graph.state, step.edges);
        by_level.index_copy_(0, own.pins, own.states);
      }
    }
    EXPECT_TRUE(at::allclose(at_once, by_level, 1e-4, 1e-4));
  }
}

TEST(PreRoutePredictor, CellStepDecidesByMaximumAndMinimum) {
  torch::manual_seed(2);
  const TestCircuits circuits;
  ModelOptions options;
  options.corners = 2;
  const GraphTensors graph = graph_of(circuits, options);
  Predictor with(options, circuits.set.arcs, circuits.statistics);
  // The same weights without the residual give the correction alone.
  options.residual = Residual::nets;
  Predictor without(options, circuits.set.arcs, circuits.statistics);
  learn::load_module(*without, learn::module_tensors(*with));
  const torch::NoGradGuard no_gradient;
  const at::Tensor known = with->features(graph);
  const auto a = with->cell_step(graph, known, graph.state, graph.own_arcs);
  const auto b = without->cell_step(graph, known, graph.state, graph.own_arcs);
  const Statistics& statistics = circuits.statistics;
  for (int64_t p = 0; p < a.pins.size(0); ++p) {
    for (int64_t c = 0; c < 4; ++c) {
      double decides = c < 2 ? 1e30 : -1e30;
      for (int64_t e = 0; e < graph.output.size(0); ++e) {
        if (graph.output[e].item<int64_t>() != a.pins[p].item<int64_t>()) continue;
        const double arrival = graph.state[graph.input[e].item<int64_t>()][c].item<double>() +
                               a.delays[e][c].item<double>();
        decides = c < 2 ? std::min(decides, arrival) : std::max(decides, arrival);
      }
      const double correction = (b.states[p][c].item<double>() * double{statistics.delay} -
                                 double{statistics.arrival_mean}) /
                                double{statistics.arrival_deviation};
      EXPECT_NEAR(a.states[p][c].item<double>(), decides + correction, 1e-2);
    }
  }
}

TEST(PreRoutePredictor, PropagatesFromPredictedStates) {
  torch::manual_seed(3);
  const TestCircuits circuits;
  const ModelOptions options;
  GraphTensors graph = graph_of(circuits, options);
  Predictor model(options, circuits.set.arcs, circuits.statistics);
  const torch::NoGradGuard no_gradient;
  const at::Tensor before = model->propagate(graph).state;
  // States above level 0 are labels, which nothing may depend on.
  at::Tensor spoilt = at::full_like(graph.state, 77);
  spoilt.index_copy_(0, graph.starts, graph.state.index_select(0, graph.starts));
  graph.state = spoilt;
  EXPECT_TRUE(at::equal(model->propagate(graph).state, before));
  EXPECT_TRUE(
      at::equal(before.index_select(0, graph.starts), spoilt.index_select(0, graph.starts)));
}

/// Rows of `values` at the places that `pins` have in a block.
at::Tensor in_block(const at::Tensor& values, const Block& block) {
  const std::vector<int64_t> pins(block.pins.begin(), block.pins.end());
  return values.index_select(0, torch::tensor(pins));
}

TEST(PreRoutePredictor, BlocksStepAsTheWholeDoes) {
  torch::manual_seed(4);
  const TestCircuits circuits(4, 300);
  ModelOptions options;
  options.latent = 0;  // it reaches over cells, and its mean is of the block
  const Circuit& circuit = circuits.parts.training[0];
  Predictor model(options, circuits.set.arcs, circuits.statistics);
  const torch::NoGradGuard no_gradient;
  const GraphTensors all = make_graph(circuit, circuits.set.arcs, circuits.statistics, options);
  const at::Tensor known = model->features(all);
  at::Tensor stepped = all.state.clone();
  stepped.index_copy_(0, all.sink, model->net_step(all, known, all.state, all.own_nets));
  const auto cells = model->cell_step(all, known, all.state, all.own_arcs);
  stepped.index_copy_(0, cells.pins, cells.states);
  int64_t nets = 0, outputs = 0;
  // Nets lie within a block, so that even without a halo nothing of their steps is missing. Inputs
  // of cells may come from levels before, with nets of their own: the halo must reach these.
  for (const int64_t halo : {int64_t{0}, circuit.levels}) {
    nets = outputs = 0;
    const auto blocks = partition(circuit, 100, halo);
    EXPECT_GT(blocks.size(), 2U);
    for (const Block& block : blocks) {
      const GraphTensors part =
          make_graph(circuit, block, circuits.set.arcs, circuits.statistics, options);
      const at::Tensor own_known = model->features(part);
      const at::Tensor right = in_block(stepped, block);
      const at::Tensor sinks = part.sink.index_select(0, part.own_nets);
      EXPECT_TRUE(at::allclose(model->net_step(part, own_known, part.state, part.own_nets),
                               right.index_select(0, sinks), 1e-4, 1e-5));
      const auto own = model->cell_step(part, own_known, part.state, part.own_arcs);
      EXPECT_TRUE(halo == 0 ||
                  at::allclose(own.states, right.index_select(0, own.pins), 1e-4, 1e-5));
      nets += part.own_nets.size(0);
      outputs += own.pins.size(0);
    }
    EXPECT_EQ(nets, all.own_nets.size(0));
    EXPECT_EQ(outputs, cells.pins.size(0));
  }
}

TEST(PreRouteTraining, ImprovesOnUnseenDesignsAndResumes) {
  const TestCircuits circuits(6, 200);
  const ModelOptions options;
  Training how;
  how.epochs = 12;
  how.rate = 3e-3;
  std::vector<double> losses;
  Autoencoder code = train_autoencoder(
      circuits.parts.training, circuits.parts.validation, circuits.set.arcs, circuits.statistics,
      options, how, [&](const learn::Epoch& epoch) { losses.push_back(epoch.loss); });
  EXPECT_LT(losses.back(), 0.7 * losses.front());
  const auto trained = [&](Training with) {
    return train_predictor(circuits.parts.training, circuits.parts.validation, circuits.set.arcs,
                           circuits.statistics, options, &code, with);
  };
  const TemporaryFolder folder;
  Predictor unbroken = trained(how);
  Training half = how;
  half.epochs = 6;
  half.checkpoint = folder.at("checkpoint");
  trained(half);
  half.epochs = how.epochs;
  half.resume = true;
  Predictor resumed = trained(half);
  const auto a = predict_all(unbroken, circuits.set.test, circuits.set.arcs);
  const auto b = predict_all(resumed, circuits.set.test, circuits.set.arcs);
  EXPECT_EQ(a[0].arrival, b[0].arrival);
  torch::manual_seed(1);
  Predictor untrained(options, circuits.set.arcs, circuits.statistics);
  const auto none = predict_all(untrained, circuits.set.test, circuits.set.arcs);
  const double after = *measure(circuits.set.test, a, late).arrival.r2();
  EXPECT_GT(after, *measure(circuits.set.test, none, late).arrival.r2());
  EXPECT_GT(after, 0.5);
}

TEST(PreRouteTraining, AveragesWeightsAsItSays) {
  // Adam moves a weight whose gradient is always 1 by its rate, down, each step.
  class One : public torch::nn::Module {
   public:
    One() : weight(register_parameter("weight", at::zeros({1}))) {}
    at::Tensor weight;
  };
  const TestCircuits circuits;
  One module;
  const auto graphs = make_graphs(circuits.parts.training, circuits.set.arcs, circuits.statistics,
                                  ModelOptions{}, 0, 0);
  Training how;
  how.epochs = 5;
  how.rate = 0.1;
  how.ema = 0.8;
  double score = 0;
  fit_graphs(
      module, graphs, [&](const GraphTensors&) { return module.weight.sum(); },
      [&] { return score += 1; }, how, {});
  double mean = 0, weight = 0;
  const int steps = how.epochs * static_cast<int>(graphs.size());
  for (int i = 1; i <= steps; ++i) {
    weight -= how.rate;
    const double decay = std::min(how.ema, (1.0 + i) / (10.0 + i));
    mean = decay * mean + (1 - decay) * weight;
  }
  EXPECT_NEAR(module.weight.item<double>(), mean, 1e-3);
}

TEST(PreRouteTraining, RefusesWhatMakesNoSense) {
  const TestCircuits circuits;
  Training how;
  how.epochs = 0;
  EXPECT_THROW(check(how), Error);
  how = {};
  how.ema = 1;
  EXPECT_THROW(check(how), Error);
  ModelOptions options;
  options.latent = 0;
  EXPECT_THROW(train_autoencoder(circuits.parts.training, circuits.parts.validation,
                                 circuits.set.arcs, circuits.statistics, options, {}),
               Error);
  EXPECT_THROW(train_predictor({}, circuits.parts.validation, circuits.set.arcs,
                               circuits.statistics, options, nullptr, {}),
               Error);
}

TEST(PreRouteServed, EqualsTheTrainedModel) {
  const TestCircuits circuits(4, 250);
  const TemporaryFolder folder;
  for (const int64_t corners : {1, 2}) {
    for (const Reading reading : {Reading::attention, Reading::mean}) {
      for (const Residual residual : {Residual::none, Residual::all_steps}) {
        torch::manual_seed(6);
        ModelOptions options;
        options.corners = corners;
        options.reading = reading;
        options.residual = residual;
        options.latent = reading == Reading::mean ? 0 : 4;
        Predictor model(options, circuits.set.arcs, circuits.statistics);
        auto metadata = format_options(options);
        metadata.merge(format_statistics(circuits.statistics));
        const std::string path = folder.at("model.safetensors");
        learn::save_weights(path, *model, metadata);
        const auto wanted = predict_all(model, circuits.set.test, circuits.set.arcs);
        for (const int64_t levels : {1, 5, 1000}) {
          ServedPredictor served(path, circuits.set.arcs, {levels, 1});
          const Prediction found = served.predict(circuits.set.test[0]);
          EXPECT_GT(served.memory_bytes(), 0U);
          const auto same = [&](const std::vector<Times>& a, const std::vector<Times>& b) {
            ASSERT_EQ(a.size(), b.size());
            for (size_t i = 0; i < a.size(); ++i) {
              for (size_t c = 0; c < corner_count; ++c) {
                ASSERT_NEAR(double{a[i][c]}, double{b[i][c]},
                            1e-4 * (1 + std::abs(double{b[i][c]})));
              }
            }
          };
          same(found.arrival, wanted[0].arrival);
          same(found.slew, wanted[0].slew);
          same(found.net_delay, wanted[0].net_delay);
          same(found.cell_delay, wanted[0].cell_delay);
        }
      }
    }
  }
}

TEST(PreRouteServed, RefusesOtherFiles) {
  const TestCircuits circuits;
  const TemporaryFolder folder;
  const std::string path = folder.at("model.safetensors");
  EXPECT_THROW(ServedPredictor(path, circuits.set.arcs, {}), Error);
  torch::manual_seed(1);
  ModelOptions options;
  options.reading = Reading::product;
  Predictor model(options, circuits.set.arcs, circuits.statistics);
  auto metadata = format_options(options);
  metadata.merge(format_statistics(circuits.statistics));
  learn::save_weights(path, *model, metadata);
  EXPECT_THROW(ServedPredictor(path, circuits.set.arcs, {}), Error);
  metadata["reading"] = "attention";  // whose weights aren't there
  learn::save_weights(path, *model, metadata);
  EXPECT_THROW(ServedPredictor(path, circuits.set.arcs, {}), Error);
  learn::save_weights(path, *model, {});
  EXPECT_THROW(ServedPredictor(path, circuits.set.arcs, {}), Error);
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

#include "systems/hardware/preroutgnn/train_modules.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>
#include <limits>

#include "betimes/learn/checkpoint.h"
#include "systems/hardware/preroutgnn/testing_circuits.h"
#include "systems/hardware/preroutgnn/train_gcnii.h"
#include "systems/hardware/preroutgnn/train_memory.h"

namespace betimes::systems::preroutgnn {
namespace {

GraphTensors test_graph(const TestCircuits& circuits, const ModelOptions& options = {}) {
  return make_graph(circuits.parts.training[0], circuits.set.arcs, circuits.statistics, options);
}

at::Tensor part(const torch::nn::Module& module, const std::string& name) {
  for (const auto& item : module.named_parameters()) {
    if (item.key() == name) return item.value();
  }
  ADD_FAILURE() << name;
  return {};
}

/// Layers of an Mlp by hand, one row.
at::Tensor by_hand(const torch::nn::Module& module, const std::string& prefix, at::Tensor x,
                   int layers) {
  for (int i = 0; i < layers; ++i) {
    if (i > 0) x = at::where(x > 0, x, x * 0.2);
    x = part(module, prefix + std::to_string(i) + ".weight").matmul(x) +
        part(module, prefix + std::to_string(i) + ".bias");
  }
  return x;
}

TEST(PreRouteModules, NetConvEqualsLoopsOverEdges) {
  torch::manual_seed(1);
  const torch::NoGradGuard no_gradient;
  const TestCircuits circuits(4, 80);
  const GraphTensors graph = test_graph(circuits);
  constexpr int64_t width = 8;
  NetConv layer(width, 12);
  const at::Tensor pins = at::randn({graph.pins, width});
  const at::Tensor found = layer(pins, graph);
  at::Tensor wanted = pins.clone();
  const int64_t nets = graph.driver.size(0);
  for (int64_t e = 0; e < nets; ++e) {
    const int64_t d = graph.driver[e].item<int64_t>(), s = graph.sink[e].item<int64_t>();
    wanted[s] += by_hand(*layer, "to_sink.", at::cat({pins[d], pins[s], graph.wires[e]}), 4);
  }
  for (int64_t pin = 0; pin < graph.pins; ++pin) {
    at::Tensor sum = at::zeros({message_width});
    at::Tensor most = at::full({message_width}, -std::numeric_limits<float>::infinity());
    bool drives = false;
    for (int64_t e = 0; e < nets; ++e) {
      if (graph.driver[e].item<int64_t>() != pin) continue;
      drives = true;
      const at::Tensor message =
          by_hand(*layer, "to_driver.",
                  at::cat({wanted[graph.sink[e].item<int64_t>()], pins[pin], graph.wires[e]}), 4);
      const at::Tensor gate = 1 / (1 + (-message[0]).exp());
      sum = sum + gate * message.slice(0, 1, 1 + message_width);
      most = at::maximum(most, gate * message.slice(0, 1 + message_width));
    }
    if (drives) wanted[pin] += by_hand(*layer, "update.", at::cat({pins[pin], sum, most}), 4);
  }
  EXPECT_TRUE(at::allclose(found, wanted, 1e-4, 1e-5));
}

TEST(PreRouteModules, CodeLayerEqualsLoopsOverEdges) {
  torch::manual_seed(2);
  const torch::NoGradGuard no_gradient;
  const TestCircuits circuits(4, 80);
  const GraphTensors graph = test_graph(circuits);
  CodeLayer layer(5, 9, 6);
  const at::Tensor pins = at::randn({graph.pins, 5});
  const at::Tensor found = layer(pins, graph);
  const int64_t edges = graph.source.size(0);
  EXPECT_EQ(edges, 2 * (graph.driver.size(0) + graph.input.size(0)));
  for (int64_t pin = 0; pin < graph.pins; pin += 7) {
    std::vector<at::Tensor> arriving;
    for (int64_t e = 0; e < edges; ++e) {
      if (graph.target[e].item<int64_t>() != pin) continue;
      const at::Tensor message =
          by_hand(*layer, "message.",
                  at::cat({pins[graph.source[e].item<int64_t>()], pins[pin], graph.edges[e]}), 4);
      arriving.push_back(message.slice(0, 1) / (1 + (-message[0]).exp()));
    }
    ASSERT_FALSE(arriving.empty());
    const at::Tensor all = at::stack(arriving);
    const int64_t m = code_message;
    const at::Tensor wanted =
        by_hand(*layer, "update.",
                at::cat({pins[pin], all.slice(1, 0, m).mean(0), all.slice(1, m, 2 * m).sum(0),
                         std::get<0>(all.slice(1, 2 * m, 3 * m).min(0)),
                         std::get<0>(all.slice(1, 3 * m).max(0))}),
                2);
    EXPECT_TRUE(at::allclose(found[pin], wanted, 1e-4, 1e-5));
  }
}

TEST(PreRouteModules, AttentionEqualsMultiHeadAttentionWithWideKeys) {
  torch::manual_seed(3);
  const TestCircuits circuits;
  const ModelOptions options;
  constexpr int64_t in = 6;
  TableReader reader(in, options, circuits.set.arcs, circuits.statistics);
  const at::Tensor query = at::randn({5, in});
  const at::Tensor arc = at::tensor(std::vector<int64_t>{0, 2, 1, 0, 2});
  const at::Tensor found = reader(query, arc);
  ASSERT_EQ(found.size(1), reader->width());
  const torch::NoGradGuard no_gradient;
  const auto chosen = tables(options);
  const int64_t wide = attention_width, own = wide / attention_heads;
  for (int64_t i = 0; i < 5; ++i) {
    const at::Tensor queries = by_hand(*reader, "query.", query[i], 4).view({-1, wide});
    for (size_t t = 0; t < chosen.size(); ++t) {
      const DelayTable& table =
          circuits.set.arcs[static_cast<size_t>(arc[i].item<int64_t>())][chosen[t]];
      const auto row = static_cast<int64_t>(t);
      const at::Tensor q =
          part(*reader, "project.weight").matmul(queries[row]) + part(*reader, "project.bias");
      std::vector<at::Tensor> keys, values;
      for (size_t x = 0; x < table.rows; ++x) {
        for (size_t y = 0; y < table.columns; ++y) {
          keys.push_back(table.row_axis[x] * table.column_axis[y] / circuits.statistics.key *
                         part(*reader, "key"));
          values.push_back(table.values[x * axis_length + y] / circuits.statistics.delay *
                               part(*reader, "value") +
                           part(*reader, "value_bias"));
        }
      }
      const at::Tensor k = at::stack(keys), v = at::stack(values);
      std::vector<at::Tensor> heads;
      for (int64_t h = 0; h < attention_heads; ++h) {
        const at::Tensor weights =
            (k.slice(1, h * own, (h + 1) * own).matmul(q.slice(0, h * own, (h + 1) * own)) /
             std::sqrt(static_cast<double>(own)))
                .softmax(0);
        heads.push_back(weights.matmul(v.slice(1, h * own, (h + 1) * own)));
      }
      const at::Tensor wanted =
          part(*reader, "out.weight").matmul(at::cat(heads)) + part(*reader, "out.bias");
      EXPECT_TRUE(
          at::allclose(found[i].slice(0, row * wide, (row + 1) * wide), wanted, 1e-3, 1e-4));
    }
  }
}

TEST(PreRouteModules, AttentionHasTheGradientOfDifferences) {
  torch::manual_seed(4);
  const TestCircuits circuits;
  TableReader reader(3, ModelOptions{}, circuits.set.arcs, circuits.statistics);
  const at::Tensor arc = at::tensor(std::vector<int64_t>{1, 3});
  at::Tensor query = at::randn({2, 3}).requires_grad_(true);
  reader(query, arc).sum().backward();
  const torch::NoGradGuard no_gradient;
  for (int64_t j = 0; j < 3; ++j) {
    at::Tensor more = query.detach().clone(), less = query.detach().clone();
    more[0][j] += 1e-2;
    less[0][j] -= 1e-2;
    const double slope = (reader(more, arc).sum() - reader(less, arc).sum()).item<double>() / 2e-2;
    EXPECT_NEAR(query.grad()[0][j].item<double>(), slope, 2e-2 * (1 + std::abs(slope)));
  }
}

TEST(PreRouteModules, ProductsOfWeightsReadTables) {
  torch::manual_seed(5);
  const torch::NoGradGuard no_gradient;
  const TestCircuits circuits;
  ModelOptions options;
  options.reading = Reading::product;
  TableReader reader(3, options, circuits.set.arcs, circuits.statistics);
  const at::Tensor query = at::randn({1, 3}), arc = at::tensor(std::vector<int64_t>{2});
  const at::Tensor found = reader(query, arc);
  const auto chosen = tables(options);
  const at::Tensor queries = by_hand(*reader, "query.", query[0], 4).view({-1, 2});
  for (size_t t = 0; t < chosen.size(); ++t) {
    const DelayTable& table = circuits.set.arcs[2][chosen[t]];
    std::vector<float> axes(table.row_axis.begin(), table.row_axis.end());
    axes.insert(axes.end(), table.column_axis.begin(), table.column_axis.end());
    const at::Tensor weights =
        by_hand(*reader, "weights.",
                at::cat({at::tensor(axes) / std::sqrt(circuits.statistics.key),
                         queries[static_cast<int64_t>(t)]}),
                3);
    double sum = 0;
    for (int64_t i = 0; i < 7; ++i) {
      for (int64_t j = 0; j < 7; ++j) {
        sum += weights[i].item<double>() * weights[7 + j].item<double>() *
               double{table.values[static_cast<size_t>(i * 7 + j)] / circuits.statistics.delay};
      }
    }
    EXPECT_NEAR(found[0][static_cast<int64_t>(t)].item<double>(), sum, 1e-4 * (1 + std::abs(sum)));
  }
}

TEST(PreRouteGcnii, SmoothsByTheNormalisedAdjacency) {
  const TestCircuits circuits(4, 80);
  const GraphTensors graph = test_graph(circuits);
  at::Tensor dense = at::eye(graph.pins);
  for (int64_t e = 0; e < graph.source.size(0); ++e) {
    dense[graph.target[e].item<int64_t>()][graph.source[e].item<int64_t>()] += 1;
  }
  const at::Tensor scale = dense.sum(1).rsqrt();
  const at::Tensor rows = at::randn({graph.pins, 3});
  const at::Tensor wanted = scale.unsqueeze(1) * dense.matmul(scale.unsqueeze(1) * rows);
  EXPECT_TRUE(at::allclose(smooth(rows, graph), wanted, 1e-4, 1e-5));
}

TEST(PreRouteMemory, PeakIsWhatWasHeldAtATime) {
  const size_t one = peak_tensor_bytes([] { at::empty({1000, 1000}); });
  EXPECT_GE(one, 4'000'000U);
  EXPECT_LT(one, 4'100'000U);
  const size_t after = peak_tensor_bytes([] {
    for (int i = 0; i < 5; ++i) at::empty({1000, 1000});
  });
  EXPECT_LT(after, 4'100'000U);
  at::Tensor kept;
  const size_t together = peak_tensor_bytes([&] {
    kept = at::ones({1000, 1000});
    at::empty({1000, 1000});
  });
  EXPECT_GE(together, 8'000'000U);
  EXPECT_LT(together, 8'100'000U);
  // What was made inside lives on and can be freed outside.
  EXPECT_EQ(kept.sum().item<float>(), 1e6f);
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

#include "systems/hardware/common/train_graph_layers.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::hardware {
namespace {

using Matrix = std::vector<std::vector<double>>;

Matrix rows_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(at::kDouble).flatten(1).contiguous();
  Matrix found;
  for (int64_t i = 0; i < flat.size(0); ++i) {
    const double* row = flat.data_ptr<double>() + i * flat.size(1);
    found.emplace_back(row, row + flat.size(1));
  }
  return found;
}

std::vector<double> numbers_of(const at::Tensor& tensor) {
  return rows_of(tensor.flatten().unsqueeze(0))[0];
}

/// W x + b by the definition; an empty b is none.
std::vector<double> affine(const Matrix& weight, const std::vector<double>& bias,
                           const std::vector<double>& x) {
  std::vector<double> found(weight.size());
  for (size_t i = 0; i < weight.size(); ++i) {
    found[i] = bias.empty() ? 0 : bias[i];
    for (size_t j = 0; j < x.size(); ++j) found[i] += weight[i][j] * x[j];
  }
  return found;
}

/// Random graphs: cycles, several edges into a node, nodes without edges, a graph of one node.
std::vector<EdgeList> some_graphs(uint64_t seed) {
  Random random(seed);
  std::vector<EdgeList> graphs;
  for (int i = 0; i < 6; ++i) {
    EdgeList one{1 + static_cast<int64_t>(random.below(6)), {}};
    for (int64_t from = 0; from < one.nodes; ++from) {
      for (int64_t to = 0; to < one.nodes; ++to) {
        if (from != to && random.uniform() < 0.35) one.edges.emplace_back(from, to);
      }
    }
    graphs.push_back(one);
  }
  return graphs;
}

class Layers : public testing::Test {
 protected:
  Layers() {
    torch::set_num_threads(1);
    torch::manual_seed(3);
  }
  void expect_near(const Matrix& expected, const at::Tensor& found) {
    const Matrix rows = rows_of(found);
    ASSERT_EQ(rows.size(), expected.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(rows[i].size(), expected[i].size());
      for (size_t j = 0; j < rows[i].size(); ++j) {
        EXPECT_NEAR(rows[i][j], expected[i][j], 2e-6) << "row " << i << ", column " << j;
      }
    }
  }
};

/// GATv2 by loops over the graphs' own edge lists, in double precision.
Matrix naive_gatv2(Gatv2Layer& layer, const std::vector<EdgeList>& graphs, const Matrix& x,
                   size_t heads, size_t width) {
  const auto named = layer->named_parameters();
  const Matrix left = rows_of(named["left.weight"]), right = rows_of(named["right.weight"]);
  const auto left_bias = numbers_of(named["left.bias"]),
             right_bias = numbers_of(named["right.bias"]), bias = numbers_of(named["bias"]);
  const Matrix attention = rows_of(named["attention"]);
  Matrix found;
  size_t first = 0;
  for (const EdgeList& graph : graphs) {
    for (int64_t i = 0; i < graph.nodes; ++i) {
      std::vector<size_t> from = {first + static_cast<size_t>(i)};  // the self loop
      for (const auto& [a, b] : graph.edges) {
        if (b == i) from.push_back(first + static_cast<size_t>(a));
      }
      const auto own = affine(left, left_bias, x[from[0]]);
      std::vector<double> out = bias;
      for (size_t head = 0; head < heads; ++head) {
        std::vector<double> weight;
        double sum = 0;
        for (const size_t j : from) {
          const auto other = affine(right, right_bias, x[j]);
          double score = 0;
          for (size_t k = 0; k < width; ++k) {
            const double both = own[head * width + k] + other[head * width + k];
            score += attention[head][k] * (both > 0 ? both : 0.2 * both);
          }
          weight.push_back(std::exp(score));
          sum += weight.back();
        }
        for (size_t e = 0; e < from.size(); ++e) {
          const auto other = affine(right, right_bias, x[from[e]]);
          for (size_t k = 0; k < width; ++k) {
            out[head * width + k] += weight[e] / sum * other[head * width + k];
          }
        }
      }
      found.push_back(out);
    }
    first += static_cast<size_t>(graph.nodes);
  }
  return found;
}

TEST_F(Layers, Gatv2IsTheLoopOverNeighbours) {
  for (const uint64_t seed : {1u, 2u, 3u}) {
    const auto graphs = some_graphs(seed);
    const GraphBatch batch = with_self_loops(join(graphs));
    const at::Tensor nodes = at::randn({batch.nodes, 5});
    Gatv2Layer layer(5, 4, 3);
    expect_near(naive_gatv2(layer, graphs, rows_of(nodes), 3, 4), layer(nodes, batch));
  }
}

TEST_F(Layers, SageIsTheLoopOverNeighbours) {
  for (const Aggregate aggregate : {Aggregate::sum, Aggregate::mean, Aggregate::max}) {
    const auto graphs = some_graphs(4);
    const GraphBatch batch = join(graphs);
    const at::Tensor nodes = at::randn({batch.nodes, 5});
    SageLayer layer(5, 3, aggregate);
    const auto named = layer->named_parameters();
    const Matrix x = rows_of(nodes), self = rows_of(named["self.weight"]),
                 other = rows_of(named["other.weight"]);
    Matrix expected;
    size_t first = 0;
    for (const EdgeList& graph : graphs) {
      for (int64_t i = 0; i < graph.nodes; ++i) {
        std::vector<double> heard(5, 0);
        int count = 0;
        for (const auto& [a, b] : graph.edges) {
          if (b != i) continue;
          const auto& message = x[first + static_cast<size_t>(a)];
          for (size_t k = 0; k < 5; ++k) {
            heard[k] = aggregate == Aggregate::max && count > 0 ? std::max(heard[k], message[k])
                       : aggregate == Aggregate::max            ? message[k]
                                                                : heard[k] + message[k];
          }
          ++count;
        }
        if (aggregate == Aggregate::mean && count > 0) {
          for (double& value : heard) value /= count;
        }
        auto out = affine(self, numbers_of(named["self.bias"]), x[first + static_cast<size_t>(i)]);
        const auto add = affine(other, {}, heard);
        for (size_t k = 0; k < out.size(); ++k) out[k] += add[k];
        expected.push_back(out);
      }
      first += static_cast<size_t>(graph.nodes);
    }
    expect_near(expected, layer(nodes, batch));
  }
}

/// What a graph is side by side with others doesn't change what comes out of it.
TEST_F(Layers, GraphsOfABatchDontHearEachOther) {
  const auto graphs = some_graphs(5);
  const GraphBatch all = with_self_loops(join(graphs));
  const at::Tensor nodes = at::randn({all.nodes, 5});
  Gatv2Layer layer(5, 4, 2);
  BlendedPooling pooling;
  const at::Tensor together = pooling(layer(nodes, all), all);
  int64_t first = 0;
  for (size_t i = 0; i < graphs.size(); ++i) {
    const GraphBatch alone = with_self_loops(join(std::span(&graphs[i], 1)));
    const at::Tensor own = nodes.slice(0, first, first + alone.nodes);
    expect_near(rows_of(pooling(layer(own, alone), alone)),
                together.slice(0, static_cast<int64_t>(i), static_cast<int64_t>(i) + 1));
    first += alone.nodes;
  }
}

TEST_F(Layers, BlendedPoolingBeginsAsTheMeanOfThree) {
  const GraphBatch batch = chains(at::tensor({2, 1}, at::kLong));
  const at::Tensor nodes = at::tensor({1.0f, -4.0f, 3.0f}).view({3, 1});
  BlendedPooling pooling;
  expect_near({{(-3 - 1.5 + 1) / 3}, {3}}, pooling(nodes, batch));
}

TEST_F(Layers, OtherNumbersOfNodesAreRefused) {
  const GraphBatch batch = chains(at::tensor({2, 1}, at::kLong));
  SageLayer layer(5, 3, Aggregate::sum);
  EXPECT_THROW(layer(at::zeros({2, 5}), batch), Error);
  EXPECT_THROW(pool(at::zeros({4, 5}), batch, Aggregate::max), Error);
}

}  // namespace
}  // namespace betimes::systems::hardware

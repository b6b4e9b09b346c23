#include "systems/hardware/help/network.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/base/error.h"
#include "systems/hardware/help/testing.h"

namespace betimes::systems::help {
namespace {

const std::vector<float> embedding = {0, 0.3f, 1};

/// One architecture, written out in double precision.
double plain(const Network& network, const Encoded& all, size_t which) {
  using Rows = std::vector<std::vector<double>>;
  const auto affine = [](const Layer& layer, const std::vector<double>& x) {
    std::vector<double> y;
    for (int64_t i = 0; i < layer.out; ++i) {
      y.push_back(double{layer.bias[static_cast<size_t>(i)]});
      for (int64_t j = 0; j < layer.in; ++j) {
        y.back() +=
            double{layer.weight[static_cast<size_t>(i * layer.in + j)]} * x[static_cast<size_t>(j)];
      }
    }
    return y;
  };
  const auto relu = [](std::vector<double> x) {
    for (double& each : x) each = std::max(each, 0.0);
    return x;
  };
  const auto nodes = static_cast<size_t>(all.nodes), width = static_cast<size_t>(all.width);
  Rows rows(nodes, std::vector<double>(width));
  for (size_t i = 0; i < nodes * width; ++i) {
    rows[i / width][i % width] = double{all.features[which * nodes * width + i]};
  }
  for (const Layer& layer : network.trunk) {
    Rows next;
    for (size_t node = 0; node < nodes; ++node) {
      std::vector<double> mixed(rows[0].size());
      for (size_t from = 0; from < nodes; ++from) {
        const double weight = nodes > 1 ? double{all.adjacency[node * nodes + from]} : 1;
        for (size_t i = 0; i < mixed.size(); ++i) mixed[i] += weight * rows[from][i];
      }
      next.push_back(relu(affine(layer, mixed)));
    }
    rows = next;
  }
  std::vector<double> joined = rows.back(), device(embedding.begin(), embedding.end());
  for (const Layer& layer : network.device) device = relu(affine(layer, device));
  if (!network.device.empty()) joined.insert(joined.end(), device.begin(), device.end());
  joined = relu(affine(network.head[0], joined));
  joined = relu(affine(network.head[1], joined));
  return affine(network.head[2], joined)[0];
}

class HelpNetwork : public testing::TestWithParam<bool> {
 protected:
  Encoded architectures_ = some_architectures(GetParam(), 7, 5);
  Network network_ = small_predictor(architectures_.width, GetParam(), 3, 11).network;
};

TEST_P(HelpNetwork, GivesWhatPlainLoopsGive) {
  const std::vector<float> found = forward(network_, architectures_, embedding);
  ASSERT_EQ(found.size(), 7u);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(double{found[i]}, plain(network_, architectures_, i), 1e-4) << i;
  }
  network_.device.clear();
  for (Layer& layer : network_.head) layer = Layer(layer.out == 1 ? 1 : 6, 6);
  Random random(3);
  for (Layer& layer : network_.head) fill(layer, 0.5, random);
  const std::vector<float> alone = forward(network_, architectures_, {});
  EXPECT_NEAR(double{alone[2]}, plain(network_, architectures_, 2), 1e-4);
}

TEST_P(HelpNetwork, ItsSlopeIsThatOfFiniteDifferences) {
  std::vector<float> labels;
  for (size_t i = 0; i < 7; ++i) labels.push_back(0.1f * static_cast<float>(i));
  const Slope found = slope(network_, architectures_, embedding, labels);
  const auto loss = [&](const Network& network) {
    double sum = 0;
    for (size_t i = 0; i < labels.size(); ++i) {
      const double error = plain(network, architectures_, i) - double{labels[i]};
      sum += error * error / static_cast<double>(labels.size());
    }
    return sum;
  };
  EXPECT_NEAR(found.loss, loss(network_), 1e-4 * (1 + found.loss));
  const auto layers = network_.layers();
  const auto slopes = found.gradient.layers();
  constexpr float step = 1e-5f;  // few kinks of ReLU lie that near
  for (size_t i = 0; i < layers.size(); ++i) {
    for (auto [values, derived] : {std::pair(&layers[i]->weight, &slopes[i]->weight),
                                   std::pair(&layers[i]->bias, &slopes[i]->bias)}) {
      for (size_t j = 0; j < values->size(); j += 1 + values->size() / 9) {
        const float kept = (*values)[j];
        (*values)[j] = kept + step;
        const double above = loss(network_), up = double{(*values)[j]};
        (*values)[j] = kept - step;
        const double below = loss(network_), down = double{(*values)[j]};
        (*values)[j] = kept;
        const double expected = (above - below) / (up - down);
        EXPECT_NEAR(double{(*derived)[j]}, expected, 2e-3 * (1 + std::abs(expected)))
            << "layer " << i << ", element " << j;
      }
    }
  }
}

TEST_P(HelpNetwork, RefusesWhatItWasNotMadeFor) {
  EXPECT_THROW(forward(network_, architectures_, std::vector<float>{1, 2}), Error);
  EXPECT_THROW(forward(network_, some_architectures(!GetParam(), 2, 1), embedding), Error);
  EXPECT_THROW(slope(network_, architectures_, embedding, std::vector<float>(6)), Error);
}

INSTANTIATE_TEST_SUITE_P(Kinds, HelpNetwork, testing::Bool());

}  // namespace
}  // namespace betimes::systems::help

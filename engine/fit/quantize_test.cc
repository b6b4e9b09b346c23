#include "betimes/fit/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "betimes/base/error.h"
#include "betimes/fit/testing.h"
#include "betimes/import/onnx.h"

namespace betimes::fit {
namespace {

using graph::Graph;
using testing::add_weights;
using testing::conv;
using testing::random_tensor;
using testing::residual_graph;
using testing::value;

std::map<std::string, Range> ranges_of(const Graph& graph, const std::set<std::string>& nodes,
                                       const std::map<std::string, Tensor>& inputs) {
  const auto values = graph::evaluate_all(graph, inputs);
  std::map<std::string, Range> ranges;
  for (const auto& [name, id] : quantized_values(graph, nodes)) {
    const auto data = values.at(name).data<float>();
    const auto [low, high] = std::minmax_element(data.begin(), data.end());
    ranges[name] = {std::min(*low, 0.0f), std::max(*high, 0.0f)};
  }
  return ranges;
}

const std::set<std::string> all = {"conv1", "conv2", "conv3", "conv4"};

TEST(Quantize, MarksWhatCarriesEightBits) {
  const auto values = quantized_values(residual_graph(), all);
  std::set<std::string> names;
  for (const auto& [name, id] : values) names.insert(name);
  EXPECT_EQ(names, (std::set<std::string>{"x", "b", "c", "e", "h"}));
  EXPECT_EQ(values.at("b"), values.at("c"));  // a pool moves values: one scale
  EXPECT_NE(values.at("c"), values.at("e"));
}

TEST(Quantize, TheOtherOperandOfAResidualFollowsTheNodeThatEndsIt) {
  // conv4 wants 8 bits and conv3 gives them, so what conv3 adds comes in 8 bits too.
  const auto values = quantized_values(residual_graph(), {"conv3", "conv4"});
  EXPECT_TRUE(values.contains("c"));
  EXPECT_TRUE(values.contains("b"));
  // conv3 alone writes floats: nothing else has to change.
  const auto alone = quantized_values(residual_graph(), {"conv3"});
  EXPECT_EQ(alone.size(), 1u);
  EXPECT_TRUE(alone.contains("e"));
}

/// Two convolutions of x are added, a third one reads the sum: either may be the one that ends it.
Graph branching_graph() {
  std::mt19937 random(5);
  Graph graph;
  graph.inputs = {value("x", {1, 3, 6, 6})};
  graph.outputs = {value("y", {1, 4, 6, 6})};
  graph.nodes = {conv("conv1", "x", "a"),
                 conv("conv2", "x", "b"),
                 {"add", "Add", "", {"a", "b"}, {"s"}, {}},
                 conv("conv3", "s", "y")};
  add_weights(graph, "conv1", 4, 3, random);
  add_weights(graph, "conv2", 4, 3, random);
  add_weights(graph, "conv3", 4, 4, random);
  graph::validate(graph);
  return graph;
}

TEST(Quantize, WhatIsWatchedCoversEveryPart) {
  for (const Graph& graph : {residual_graph(), branching_graph()}) {
    const std::vector<std::string> nodes = lowerable_nodes(graph);
    const std::set<std::string> watched = observed_values(graph, nodes);
    for (unsigned part = 0; part < 1u << nodes.size(); ++part) {
      std::set<std::string> chosen;
      for (size_t i = 0; i < nodes.size(); ++i) {
        if (part >> i & 1) chosen.insert(nodes[i]);
      }
      for (const auto& [name, id] : quantized_values(graph, chosen)) {
        EXPECT_TRUE(watched.contains(name)) << name << " of part " << part;
      }
    }
  }
  EXPECT_TRUE(observed_values(branching_graph(), {"conv1", "conv2", "conv3"}).contains("a"));
  EXPECT_TRUE(observed_values(branching_graph(), {"conv1", "conv2", "conv3"}).contains("b"));
}

TEST(Quantize, ConcatSharesOneScale) {
  std::mt19937 random(3);
  Graph graph;
  graph.inputs = {value("x", {1, 3, 4, 4})};
  graph.outputs = {value("y", {1, 2, 4, 4})};
  graph.nodes = {conv("left", "x", "a"),
                 conv("right", "x", "b"),
                 {"join", "Concat", "", {"a", "b"}, {"c"}, {{"axis", int64_t{1}}}},
                 conv("last", "c", "y")};
  add_weights(graph, "left", 2, 3, random);
  add_weights(graph, "right", 3, 3, random);
  add_weights(graph, "last", 2, 5, random);
  graph::validate(graph);
  const auto values = quantized_values(graph, {"left", "right", "last"});
  EXPECT_EQ(values.at("a"), values.at("c"));
  EXPECT_EQ(values.at("b"), values.at("c"));
  EXPECT_NE(values.at("x"), values.at("c"));
}

/// One convolution with both operands rounded as the standard says, in double precision.
std::vector<double> rounded_conv(const Tensor& x, const Tensor& w, const Tensor& b,
                                 const Range& range, double most) {
  const int64_t in = w.shape()[1];
  const int64_t out = w.shape()[0];
  const int64_t size = x.shape()[2];
  const float step = (range.high - range.low) / 255.0f;
  const double zero = std::nearbyint(-range.low / step);
  const auto rounded_x = [&](int64_t c, int64_t i, int64_t j) {
    if (i < 0 || j < 0 || i >= size || j >= size) return 0.0;
    const double at = x.data<float>()[static_cast<size_t>((c * size + i) * size + j)];
    return (std::clamp(std::nearbyint(at / step) + zero, 0.0, 255.0) - zero) * step;
  };
  std::vector<double> result;
  for (int64_t o = 0; o < out; ++o) {
    const auto channel =
        w.data<float>().subspan(static_cast<size_t>(o * in * 9), static_cast<size_t>(in * 9));
    double largest = 0;
    for (const float weight : channel) largest = std::max(largest, std::fabs(double{weight}));
    const double weight_step = static_cast<float>(largest / most);
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t j = 0; j < size; ++j) {
        double sum = b.data<float>()[static_cast<size_t>(o)];
        for (int64_t c = 0; c < in; ++c) {
          for (int64_t k = 0; k < 9; ++k) {
            const double weight =
                std::nearbyint(channel[static_cast<size_t>(c * 9 + k)] / weight_step) * weight_step;
            sum += rounded_x(c, i + k / 3 - 1, j + k % 3 - 1) * weight;
          }
        }
        result.push_back(sum);
      }
    }
  }
  return result;
}

TEST(Quantize, ComputesWhatTheRoundedOperandsGive) {
  std::mt19937 random(9);
  Graph graph;
  graph.inputs = {value("x", {1, 3, 5, 5})};
  graph.outputs = {value("y", {1, 4, 5, 5})};
  graph.nodes = {conv("conv1", "x", "y")};
  add_weights(graph, "conv1", 4, 3, random);
  graph::validate(graph);
  const Tensor x = random_tensor({1, 3, 5, 5}, random, -0.5f, 2.0f);
  const Range range{-0.5f, 2.0f};
  for (const bool reduced : {false, true}) {
    const Graph lowered = quantize(graph, {"conv1"}, {{"x", range}}, {.reduced_range = reduced});
    const auto found = graph::evaluate(lowered, {{"x", x}}).at("y");
    const auto expected = rounded_conv(x, graph.constants.at("conv1_w"),
                                       graph.constants.at("conv1_b"), range, reduced ? 64 : 127);
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(found.data<float>()[i], expected[i], 1e-4) << i;
    }
  }
}

TEST(Quantize, StaysNearTheOriginal) {
  std::mt19937 random(4);
  const Graph graph = residual_graph();
  const std::map<std::string, Tensor> inputs = {{"x", random_tensor({1, 3, 8, 8}, random)}};
  const Tensor original = graph::evaluate(graph, inputs).at("y");
  float largest = 0;
  for (const float y : original.data<float>()) largest = std::max(largest, std::fabs(y));
  const Graph lowered = quantize(graph, all, ranges_of(graph, all, inputs));
  const Tensor found = graph::evaluate(lowered, inputs).at("y");
  for (int64_t i = 0; i < found.size(); ++i) {
    const auto at = static_cast<size_t>(i);
    EXPECT_NEAR(found.data<float>()[at], original.data<float>()[at], 0.05f * largest);
  }
}

TEST(Quantize, ReducedRangeKeepsWeightsInSevenBits) {
  std::mt19937 random(4);
  const Graph graph = residual_graph();
  const std::map<std::string, Tensor> inputs = {{"x", random_tensor({1, 3, 8, 8}, random)}};
  for (const bool reduced : {false, true}) {
    const Graph lowered =
        quantize(graph, all, ranges_of(graph, all, inputs), {.reduced_range = reduced});
    int most = 0;
    for (const auto& [name, tensor] : lowered.constants) {
      if (tensor.dtype() != DType::i8) continue;
      for (const int8_t weight : tensor.data<int8_t>())
        most = std::max(most, std::abs(int{weight}));
    }
    EXPECT_EQ(most, reduced ? 64 : 127);
  }
}

TEST(Quantize, SurvivesTheFileFormat) {
  std::mt19937 random(4);
  const Graph graph = residual_graph();
  const std::map<std::string, Tensor> inputs = {{"x", random_tensor({1, 3, 8, 8}, random)}};
  const Graph lowered = quantize(graph, all, ranges_of(graph, all, inputs));
  const std::string bytes = import::serialize_onnx(lowered);
  const Graph again = import::parse_onnx(std::as_bytes(std::span(bytes)), "memory");
  const Tensor before = graph::evaluate(lowered, inputs).at("y");
  const Tensor after = graph::evaluate(again, inputs).at("y");
  EXPECT_TRUE(std::equal(before.data<float>().begin(), before.data<float>().end(),
                         after.data<float>().begin()));
}

TEST(Quantize, RefusesOtherNodes) {
  EXPECT_THROW(quantize(residual_graph(), {"relu1"}, {}), Error);
  EXPECT_THROW(quantize(residual_graph(), {"nothing"}, {}), Error);
  EXPECT_THROW(quantize(residual_graph(), {"conv1"}, {}), Error);  // no range for x
  EXPECT_EQ(lowerable_nodes(residual_graph()),
            (std::vector<std::string>{"conv1", "conv2", "conv3", "conv4"}));
}

}  // namespace
}  // namespace betimes::fit

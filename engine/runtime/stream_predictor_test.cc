#include "betimes/runtime/stream_predictor.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/graph/testing/graph.h"

namespace betimes::runtime {
namespace {

using graph::testing::node;
using graph::testing::value;

/// y = x + 2 state, and that is the next state.
graph::Graph echo(const std::string& in, const std::string& out) {
  graph::Graph graph;
  graph.inputs = {value("x"), value(in)};
  graph.outputs = {value("y", {{1, ""}, {2, ""}}), value(out)};
  graph.constants["two"] = Tensor::scalar(2.0f);
  graph.constants["wide"] = Tensor::from<int64_t>({2}, std::vector<int64_t>{1, 2});
  graph.nodes = {node("Mul", {in, "two"}, {"twice"}), node("Add", {"x", "twice"}, {out}),
                 node("Reshape", {out, "wide"}, {"y"})};
  return graph;
}

Tensor pair(float a, float b) { return Tensor::from<float>({2}, {a, b}); }

TEST(StreamPredictor, CarriesItsStateAndForgetsIt) {
  StreamPredictor stream(echo("state", "stateN"));
  EXPECT_EQ(stream.states(), (std::vector<CarriedState>{{"stateN", "state"}}));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(stream.push({{"x", pair(1, 0)}}).at("y").data<float>()[0], 1);
    EXPECT_EQ(stream.push({{"x", pair(1, 5)}}).at("y").data<float>()[0], 3);
    const auto third = stream.push({{"x", pair(1, 0)}});
    EXPECT_EQ(third.size(), 1u);  // states stay inside
    EXPECT_EQ(third.at("y").data<float>()[0], 7);
    EXPECT_EQ(third.at("y").data<float>()[1], 10);
    stream.reset();
  }
}

TEST(StreamPredictor, FindsStatesByNameThenByType) {
  EXPECT_EQ(find_states(echo("h", "hn")), (std::vector<CarriedState>{{"hn", "h"}}));
  EXPECT_EQ(find_states(echo("input_2", "Identity_1")),
            (std::vector<CarriedState>{{"Identity_1", "input_2"}}));
  graph::Graph two = echo("h", "hn");
  two.inputs.push_back(value("c"));
  two.outputs.push_back(value("cn"));
  EXPECT_EQ(find_states(two), (std::vector<CarriedState>{{"hn", "h"}, {"cn", "c"}}));
  graph::Graph none = echo("a", "b");
  none.outputs.pop_back();
  EXPECT_TRUE(find_states(none).empty());
  EXPECT_THROW(StreamPredictor{none}, Error);
}

TEST(StreamPredictor, RefusesWhatDoesNotFit) {
  const graph::Graph graph = echo("state", "stateN");
  EXPECT_THROW(StreamPredictor(graph, {}, {{"y", "state"}}), Error);
  EXPECT_THROW(StreamPredictor(graph, {}, {{"nothing", "state"}}), Error);
  EXPECT_THROW(StreamPredictor(graph, {}, {{"stateN", "nothing"}}), Error);
  StreamPredictor stream(graph);
  EXPECT_EQ(stream.push({{"x", pair(1, 1)}}).at("y").data<float>()[0], 1);
  EXPECT_THROW(stream.push({}), Error);
  EXPECT_THROW(stream.push({{"x", Tensor(DType::f32, {3})}}), Error);
  EXPECT_THROW(stream.push({{"x", pair(1, 1)}, {"state", pair(0, 0)}}), Error);
  EXPECT_THROW(stream.push({{"x", pair(1, 1)}, {"z", pair(0, 0)}}), Error);
  // What was refused changed nothing.
  EXPECT_EQ(stream.push({{"x", pair(1, 1)}}).at("y").data<float>()[0], 3);
}

}  // namespace
}  // namespace betimes::runtime

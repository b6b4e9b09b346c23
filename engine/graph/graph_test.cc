#include "betimes/graph/graph.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "betimes/graph/testing/graph.h"

namespace betimes::graph {
namespace {

using namespace testing;

/// x -> Relu -> a -> Add(a, c) -> y
Graph chain() {
  Graph graph;
  graph.inputs = {value("x")};
  graph.outputs = {value("y")};
  graph.constants["c"] = Tensor(DType::f32, {2});
  graph.nodes = {node("Relu", {"x"}, {"a"}), node("Add", {"a", "c"}, {"y"})};
  return graph;
}

std::vector<std::string> names(const Graph& graph) {
  std::vector<std::string> all;
  for (const Node& each : graph.nodes) all.push_back(each.name);
  return all;
}

using List = std::vector<std::string>;

TEST(Validate, SortsNodesAndKeepsTheOrderOfSortedOnes) {
  Graph graph = chain();
  validate(graph);
  EXPECT_EQ(names(graph), (List{"to_a", "to_y"}));
  std::swap(graph.nodes[0], graph.nodes[1]);
  validate(graph);
  EXPECT_EQ(names(graph), (List{"to_a", "to_y"}));
  // Two that don't depend on each other stay as they are.
  Graph both = chain();
  both.nodes = {node("Relu", {"x"}, {"b"}), node("Relu", {"x"}, {"a"}),
                node("Add", {"a", "b"}, {"y"})};
  validate(both);
  EXPECT_EQ(names(both), (List{"to_b", "to_a", "to_y"}));
}

TEST(Validate, AcceptsTheEmptyGraphAndOutputsThatAreInputsOrConstants) {
  Graph graph;
  EXPECT_NO_THROW(validate(graph));
  graph.inputs = {value("x")};
  graph.constants["c"] = Tensor(DType::f32, {2});
  graph.outputs = {value("x"), value("c")};
  EXPECT_NO_THROW(validate(graph));
}

TEST(Validate, RefusesCycles) {
  Graph graph = chain();
  graph.nodes[0].inputs = {"y"};
  expect_error([&] { validate(graph); }, {"node to_a (Relu)", "cycle"});
  Graph self = chain();
  self.nodes[1].inputs = {"y", "c"};
  expect_error([&] { validate(self); }, {"node to_y (Add)", "cycle"});
}

TEST(Validate, RefusesValuesDefinedTwice) {
  Graph graph = chain();
  graph.nodes[1].outputs = {"a"};
  expect_error([&] { validate(graph); }, {"node to_y (Add)", "'a' is defined twice"});
  Graph over_constant = chain();
  over_constant.nodes[0].outputs = {"c"};
  expect_error([&] { validate(over_constant); }, {"node to_a (Relu)", "'c' is defined twice"});
  Graph over_input = chain();
  over_input.nodes[0].outputs = {"x"};
  expect_error([&] { validate(over_input); }, {"node to_a (Relu)", "'x' is defined twice"});
  Graph inputs = chain();
  inputs.inputs.push_back(value("x"));
  expect_error([&] { validate(inputs); }, {"value x", "twice"});
  Graph constant = chain();
  constant.inputs.push_back(value("c"));
  expect_error([&] { validate(constant); }, {"value c", "twice"});
  Graph split = chain();
  split.nodes.push_back(node("Split", {"x"}, {"p", "p"}));
  expect_error([&] { validate(split); }, {"node to_p (Split)", "'p' is defined twice"});
}

TEST(Validate, RefusesValuesThatNothingProduces) {
  Graph graph = chain();
  graph.nodes[1].inputs[1] = "missing";
  expect_error([&] { validate(graph); }, {"node to_y (Add)", "'missing'"});
  Graph output = chain();
  output.outputs.push_back(value("nowhere"));
  expect_error([&] { validate(output); }, {"graph output nowhere"});
  Graph nameless = chain();
  nameless.inputs.push_back(value(""));
  expect_error([&] { validate(nameless); }, {"an input has no name"});
}

TEST(Validate, RefusesOperatorsAttributesAndCountsByNode) {
  Graph graph = chain();
  graph.nodes[0].op = "Frobnicate";
  expect_error([&] { validate(graph); }, {"node to_a", "Frobnicate"});
  graph = chain();
  graph.nodes[0].domain = "acme";
  expect_error([&] { validate(graph); }, {"node to_a", "acme.Relu"});
  graph = chain();
  graph.nodes[0].inputs.push_back("c");
  expect_error([&] { validate(graph); }, {"node to_a (Relu)", "has 2 inputs", "expected 1"});
  graph = chain();
  graph.nodes[0].outputs.push_back("b");
  expect_error([&] { validate(graph); }, {"node to_a (Relu)", "has 2 outputs"});
  graph = chain();
  graph.nodes[1].inputs[1] = "";
  expect_error([&] { validate(graph); }, {"node to_y (Add)", "input 1 is absent"});
  graph = chain();
  graph.nodes[0].attributes["alpha"] = 1.0f;
  expect_error([&] { validate(graph); }, {"node to_a (Relu)", "'alpha' isn't supported"});
  graph = chain();
  graph.nodes[0].op = "LeakyRelu";
  graph.nodes[0].attributes["alpha"] = int64_t{1};
  expect_error([&] { validate(graph); }, {"node to_a (LeakyRelu)", "'alpha'", "wrong kind"});
}

TEST(Validate, NamesNodesWithoutANameOfTheirOwn) {
  Graph graph = chain();
  graph.nodes.push_back(node("Neg", {"y"}, {"z"}));
  graph.nodes[0].name = "";
  graph.nodes[1].name = graph.nodes[2].name = "same";
  validate(graph);
  EXPECT_EQ(names(graph), (List{"Relu_0", "same", "Neg_2"}));
  // A name that is taken already, by a node that comes later, isn't given.
  Graph taken = chain();
  taken.nodes[0].name = "";
  taken.nodes[1].name = "Relu_0";
  validate(taken);
  EXPECT_EQ(names(taken), (List{"Relu_0_", "Relu_0"}));
}

TEST(RemoveDead, DropsWhatNothingReads) {
  Graph graph = chain();
  graph.constants["unread"] = Tensor(DType::f32, {1});
  graph.nodes.push_back(node("Neg", {"a"}, {"dead"}));
  graph.nodes.push_back(node("Abs", {"dead"}, {"also_dead"}));
  validate(graph);
  remove_dead(graph);
  EXPECT_EQ(names(graph), (List{"to_a", "to_y"}));
  EXPECT_EQ(graph.constants.size(), 1u);
  EXPECT_TRUE(graph.is_constant("c"));
  EXPECT_EQ(graph.inputs.size(), 1u);
}

TEST(RemoveDead, KeepsANodeOfWhichOneOutputIsRead) {
  Graph graph = chain();
  graph.nodes = {node("Split", {"x"}, {"p", "q"}), node("Relu", {"q"}, {"y"})};
  remove_dead(graph);
  EXPECT_EQ(names(graph), (List{"to_p", "to_y"}));
  graph.outputs = {value("x")};
  remove_dead(graph);
  EXPECT_TRUE(graph.nodes.empty());
  EXPECT_TRUE(graph.constants.empty());
}

TEST(RemoveDead, AnAbsentOutputIsNotAnAbsentInput) {
  Graph graph = chain();
  graph.nodes = {node("Split", {"x"}, {"p", ""}), node("Clip", {"x", "", "c"}, {"y"})};
  remove_dead(graph);
  EXPECT_EQ(names(graph), List{"to_y"});
}

TEST(Uses, KnowsProducersAndConsumers) {
  Graph graph = chain();
  graph.nodes.push_back(node("Mul", {"a", "a"}, {"z"}));
  const Uses uses(graph);
  EXPECT_EQ(uses.producer("a"), 0u);
  EXPECT_EQ(uses.producer("x"), std::nullopt);
  EXPECT_EQ(uses.producer("nothing"), std::nullopt);
  EXPECT_EQ(uses.consumers("a"), (std::vector<size_t>{1, 2, 2}));
  EXPECT_TRUE(uses.consumers("z").empty());
  EXPECT_TRUE(uses.is_output("y"));
  EXPECT_FALSE(uses.is_output("a"));
  EXPECT_EQ(uses.only_consumer("x"), 0u);
  EXPECT_EQ(uses.only_consumer("a"), std::nullopt);  // three uses
  EXPECT_EQ(uses.only_consumer("z"), std::nullopt);  // none
  graph.outputs.push_back(value("x"));
  EXPECT_EQ(Uses(graph).only_consumer("x"), std::nullopt);
}

TEST(FreshName, IsTakenByNothing) {
  const Graph graph = chain();
  EXPECT_EQ(fresh_name(graph, "new"), "new");
  for (const std::string stem : {"x", "a", "c", "y"})
    EXPECT_EQ(fresh_name(graph, stem), stem + "_1");
  Graph more = chain();
  more.constants["x_1"] = Tensor(DType::f32, {1});
  EXPECT_EQ(fresh_name(more, "x"), "x_2");
}

TEST(Node, GivesAttributesOrTheirDefaults) {
  const Node n{"n",
               "Op",
               "",
               {},
               {},
               {{"i", int64_t{3}},
                {"f", 1.5f},
                {"s", std::string("text")},
                {"is", std::vector<int64_t>{1, 2}},
                {"fs", std::vector<float>{0.5f}}}};
  EXPECT_EQ(n.get("i", int64_t{0}), 3);
  EXPECT_EQ(n.get("f", 0.0f), 1.5f);
  EXPECT_EQ(n.get("s", ""), "text");
  EXPECT_EQ(n.get("is", std::vector<int64_t>{}), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(n.get("fs", std::vector<float>{}), std::vector<float>{0.5f});
  EXPECT_EQ(n.get("absent", int64_t{7}), 7);
  EXPECT_TRUE(n.has("i"));
  EXPECT_FALSE(n.has("absent"));
  expect_error([&] { n.get("i", 0.0f); }, {"node n (Op)", "'i'", "wrong kind"});
}

TEST(Describe, SaysWhatANodeAndAValueAre) {
  EXPECT_EQ(describe({"conv1", "Conv", "", {}, {}, {}}), "node conv1 (Conv)");
  EXPECT_EQ(describe({"f", "Conv", "betimes", {}, {}, {}}), "node f (betimes.Conv)");
  EXPECT_EQ(to_string(ValueInfo{"x", DType::f32, std::nullopt}), "x: float32[...]");
  EXPECT_EQ(to_string(value("x", {{-1, "N"}, {3, ""}, {-1, ""}}, DType::u8)), "x: uint8[N, 3, ?]");
}

}  // namespace
}  // namespace betimes::graph

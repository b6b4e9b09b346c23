#include <gtest/gtest.h>

#include <memory>

#include "betimes/graph/operator.h"
#include "betimes/graph/specialize.h"
#include "betimes/graph/stages.h"
#include "betimes/graph/testing/graph.h"

namespace betimes::graph {
namespace {

using namespace testing;

Subgraph body(Graph graph) {
  validate(graph);
  return std::make_shared<const Graph>(std::move(graph));
}

Tensor floats(const std::vector<float>& values) {
  return Tensor::from<float>({static_cast<int64_t>(values.size())}, values);
}

std::vector<float> numbers(const Tensor& tensor) {
  const auto data = tensor.data<float>();
  return {data.begin(), data.end()};
}

/// y = op(x), x captured.
Graph branch(const std::string& op) {
  Graph graph;
  graph.inputs = {value("x")};
  graph.outputs = {value("y")};
  graph.nodes = {node(op, {"x"}, {"y"})};
  return graph;
}

/// result = flag ? -x : |x|
Graph choose() {
  Graph graph;
  graph.inputs = {value("flag", {}, DType::boolean), value("x")};
  graph.outputs = {value("result")};
  Node choice = node("If", {"flag", "x"}, {"result"});
  choice.attributes["then_branch"] = body(branch("Neg"));
  choice.attributes["else_branch"] = body(branch("Abs"));
  choice.attributes["captures"] = int64_t{1};
  graph.nodes = {choice};
  return graph;
}

/// Loop body: go_on' = go_on, s' = s + x, collected s'.
Graph summing_body() {
  Graph graph;
  graph.inputs = {value("i", {}, DType::i64), value("go_on", {}, DType::boolean), value("s"),
                  value("x")};
  graph.outputs = {value("again", {}, DType::boolean), value("sum"), value("each")};
  graph.nodes = {node("Identity", {"go_on"}, {"again"}), node("Add", {"s", "x"}, {"sum"}),
                 node("Identity", {"sum"}, {"each"})};
  return graph;
}

Graph summing_loop(std::optional<int64_t> trips) {
  Graph graph;
  graph.inputs = {value("start"), value("x")};
  graph.outputs = {value("last"), value("all")};
  if (trips)
    graph.constants["trips"] = Tensor::scalar(*trips);
  else
    graph.inputs.push_back(value("trips", {}, DType::i64));
  Node loop = node("Loop", {"trips", "", "start", "x"}, {"last", "all"});
  loop.attributes["body"] = body(summing_body());
  loop.attributes["captures"] = int64_t{1};
  graph.nodes = {loop};
  return graph;
}

TEST(ControlFlowOperators, If_TakesTheBranchOfAKnownCondition) {
  for (const bool flag : {false, true}) {
    const StaticGraph fixed =
        specialize(choose(), {}, {.values = {{"flag", Tensor::scalar(flag)}}});
    ASSERT_GE(fixed.graph.nodes.size(), 1u);
    EXPECT_EQ(fixed.graph.nodes[0].op, flag ? "Neg" : "Abs");
    EXPECT_EQ(fixed.graph.inputs.size(), 1u);
    const auto found = evaluate(fixed.graph, {{"x", floats({-1, 2})}});
    EXPECT_EQ(numbers(found.at("result")),
              (flag ? std::vector<float>{1, -2} : std::vector<float>{1, 2}));
  }
}

TEST(ControlFlowOperators, If_NeedsItsCondition) {
  try {
    specialize(choose());
    FAIL() << "was specialised";
  } catch (const NeedsValue& error) {
    EXPECT_EQ(error.input(), 0u);
    EXPECT_NE(std::string(error.what()).find("condition"), std::string::npos);
  }
  const std::map<std::string, Tensor> inputs = {{"x", floats({-3, 4})},
                                                {"flag", Tensor::scalar(true)}};
  EXPECT_EQ(numbers(evaluate(choose(), inputs).at("result")), (std::vector<float>{3, -4}));
}

TEST(ControlFlowOperators, If_RefusesAConditionThatIsNoBoolean) {
  Graph graph = choose();
  graph.inputs[0].dtype = DType::f32;
  expect_error(
      [&] {
        specialize(graph, {}, {.values = {{"flag", Tensor::scalar(1.0f)}}});
      },
      {"If", "condition", "bool"});
}

TEST(ControlFlowOperators, Loop_CarriesAndCollects) {
  const auto found = evaluate(summing_loop(3), {{"start", floats({1, 0})}, {"x", floats({10, 2})}});
  EXPECT_EQ(numbers(found.at("last")), (std::vector<float>{31, 6}));
  EXPECT_EQ(found.at("all").shape(), (Shape{3, 2}));
  EXPECT_EQ(numbers(found.at("all")), (std::vector<float>{11, 2, 21, 4, 31, 6}));
}

TEST(ControlFlowOperators, Loop_ThatNeverRunsGivesItsStartAndNothingCollected) {
  const auto found = evaluate(summing_loop(0), {{"start", floats({1, 5})}, {"x", floats({10, 2})}});
  EXPECT_EQ(numbers(found.at("last")), (std::vector<float>{1, 5}));
  EXPECT_EQ(found.at("all").shape(), (Shape{0, 2}));
  EXPECT_EQ(specialize(summing_loop(0)).types.at("all").shape, (Shape{0, 2}));
}

TEST(ControlFlowOperators, Loop_WithoutEndIsRefused) {
  Graph graph = summing_loop(3);
  graph.nodes[0].inputs[0] = "";
  expect_error([&] { specialize(graph); }, {"nodes", "fewer iterations"});
  graph = summing_loop(int64_t{1} << 40);
  expect_error([&] { specialize(graph); }, {"nodes", "fewer iterations"});
}

TEST(ControlFlowOperators, Loop_SteeredByItsDataIsRefused) {
  Graph inner = summing_body();
  inner.constants["limit"] = floats({5, 5});
  inner.nodes[0] = node("Less", {"sum", "limit"}, {"less"});
  inner.constants["first"] = Tensor::scalar(int64_t{0});
  inner.nodes.push_back(node("Gather", {"less", "first"}, {"again"}));
  Graph graph = summing_loop(3);
  graph.nodes[0].attributes["body"] = body(inner);
  expect_error([&] { specialize(graph); }, {"Loop", "as long as its data say"});
  // With all values known the data's word is known as well.
  const auto found = evaluate(graph, {{"start", floats({0, 0})}, {"x", floats({3, 1})}});
  EXPECT_EQ(numbers(found.at("last")), (std::vector<float>{6, 2}));
}

TEST(ControlFlowOperators, Loop_RefusesABodyOfOtherInputs) {
  Graph graph = summing_loop(3);
  graph.nodes[0].inputs.pop_back();
  graph.nodes[0].attributes["captures"] = int64_t{0};
  expect_error([&] { specialize(graph); }, {"Loop", "body"});
  graph.nodes[0].attributes["captures"] = int64_t{9};
  expect_error([&] { specialize(graph); }, {"Loop", "body"});
}

/// Scan body: s' = s + element, collected s'.
Graph scan(std::vector<int64_t> direction, std::vector<int64_t> out_direction) {
  Graph inner;
  inner.inputs = {value("s", {}), value("element", {})};
  inner.outputs = {value("sum", {}), value("each", {})};
  inner.nodes = {node("Add", {"s", "element"}, {"sum"}), node("Identity", {"sum"}, {"each"})};
  Graph graph;
  graph.inputs = {value("start", {}), value("x", {{-1, "T"}})};
  graph.outputs = {value("last", {}), value("all")};
  Node node_ = node("Scan", {"start", "x"}, {"last", "all"});
  node_.attributes["body"] = body(inner);
  node_.attributes["num_scan_inputs"] = int64_t{1};
  node_.attributes["scan_input_directions"] = std::move(direction);
  node_.attributes["scan_output_directions"] = std::move(out_direction);
  graph.nodes = {node_};
  return graph;
}

TEST(ControlFlowOperators, Scan_WalksInBothDirections) {
  const std::map<std::string, Tensor> inputs = {{"start", Tensor::scalar(0.0f)},
                                                {"x", floats({1, 2, 4})}};
  EXPECT_EQ(numbers(evaluate(scan({0}, {0}), inputs).at("all")), (std::vector<float>{1, 3, 7}));
  EXPECT_EQ(numbers(evaluate(scan({1}, {0}), inputs).at("all")), (std::vector<float>{4, 6, 7}));
  EXPECT_EQ(numbers(evaluate(scan({1}, {1}), inputs).at("all")), (std::vector<float>{7, 6, 4}));
  EXPECT_EQ(numbers(evaluate(scan({0}, {1}), inputs).at("all")), (std::vector<float>{7, 3, 1}));
  EXPECT_EQ(evaluate(scan({0}, {0}), inputs).at("last").data<float>()[0], 7);
}

TEST(ControlFlowOperators, Scan_RefusesListsThatDoNotFit) {
  expect_error(
      [] {
        specialize(scan({0, 0}, {0}), {{"x", {3}}});
      },
      {"Scan", "scan_input_directions", "1"});
  expect_error([] { specialize(scan({0}, {0}), {{"x", {0}}}); }, {"Scan", "nothing"});
}

TEST(Cut, IsWholeWhereShapesSayEverything) {
  const Stages stages = cut(summing_loop(2), {});
  EXPECT_TRUE(stages.whole());
  EXPECT_EQ(stages.ready.graph.outputs.size(), 2u);
}

TEST(Cut, LeavesABranchToTheStageThatKnowsItsCondition) {
  Graph graph = choose();
  graph.nodes.push_back(node("Exp", {"x"}, {"e"}));
  graph.nodes.push_back(node("Add", {"result", "e"}, {"sum"}));
  graph.outputs = {value("sum"), value("e")};
  const Stages stages = cut(graph, {});
  EXPECT_FALSE(stages.whole());
  EXPECT_TRUE(stages.between.empty());
  EXPECT_EQ(stages.steering, std::set<std::string>{"flag"});
  EXPECT_EQ(stages.rest.nodes.size(), 2u);
  ASSERT_EQ(stages.rest.outputs.size(), 1u);
  EXPECT_EQ(stages.rest.outputs[0].name, "sum");
  EXPECT_EQ(deciding_inputs(graph, stages), std::set<std::string>{"flag"});
}

TEST(Cut, ComputesANodeWhoseDataDecideItsShape) {
  Graph graph;
  graph.inputs = {value("x", {{4, ""}}), value("limit", {}, DType::i64)};
  graph.outputs = {value("y")};
  graph.constants["zero"] = Tensor::scalar(int64_t{0});
  graph.constants["one"] = Tensor::scalar(int64_t{1});
  graph.nodes = {node("Range", {"zero", "limit", "one"}, {"indices"}),
                 node("Gather", {"x", "indices"}, {"part"}), node("Neg", {"part"}, {"y"})};
  const Stages stages = cut(graph, {});
  EXPECT_FALSE(stages.whole());
  EXPECT_EQ(deciding_inputs(graph, stages), std::set<std::string>{"limit"});
  const StaticGraph fixed =
      specialize(graph, {}, {.values = {{"limit", Tensor::scalar(int64_t{3})}}});
  EXPECT_EQ(fixed.types.at("y").shape, Shape{3});
}

TEST(EvaluateNode, GivesOutputsByName) {
  const auto found = evaluate_node(node("Neg", {"x"}, {"y"}), {{"x", floats({1, -2})}});
  EXPECT_EQ(numbers(found.at("y")), (std::vector<float>{-1, 2}));
}

}  // namespace
}  // namespace betimes::graph

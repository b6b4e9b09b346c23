#include "betimes/graph/specialize.h"

#include <gtest/gtest.h>

#include <string>

#include "betimes/graph/testing/graph.h"

namespace betimes::graph {
namespace {

using namespace testing;

const Dim batch = {-1, "N"};
const Dim open = {-1, ""};

/// y = a + b of the declared shapes.
Graph sum_of(std::vector<Dim> a, std::vector<Dim> b) {
  Graph graph;
  graph.inputs = {value("a", std::move(a)), value("b", std::move(b))};
  graph.outputs = {value("y")};
  graph.nodes = {node("Add", {"a", "b"}, {"y"})};
  return graph;
}

Shape shape_of(const StaticGraph& graph, const std::string& name) {
  return graph.types.at(name).shape;
}

TEST(Specialize, GivesEveryValueAType) {
  const StaticGraph fixed = specialize(sum_of({{3, ""}, {1, ""}}, {{5, ""}}));
  EXPECT_EQ(shape_of(fixed, "a"), (Shape{3, 1}));
  EXPECT_EQ(shape_of(fixed, "b"), Shape{5});
  EXPECT_EQ(shape_of(fixed, "y"), (Shape{3, 5}));
  // Inputs and outputs declare what was found.
  EXPECT_EQ(to_string(fixed.graph.inputs[0]), "a: float32[3, 1]");
  EXPECT_EQ(to_string(fixed.graph.outputs[0]), "y: float32[3, 5]");
}

TEST(Specialize, MakesOpenExtentsOneWithoutAShape) {
  const StaticGraph fixed = specialize(sum_of({batch, {3, ""}}, {open, open}));
  EXPECT_EQ(shape_of(fixed, "a"), (Shape{1, 3}));
  EXPECT_EQ(shape_of(fixed, "b"), (Shape{1, 1}));
  const StaticGraph given = specialize(sum_of({batch, {3, ""}}, {open, open}), {{"b", {7, 1}}});
  EXPECT_EQ(shape_of(given, "a"), (Shape{1, 3}));
  EXPECT_EQ(shape_of(given, "y"), (Shape{7, 3}));
}

TEST(Specialize, GivesASymbolOneValueOverAllInputs) {
  const Graph graph = sum_of({batch, {3, ""}}, {batch, {1, ""}});
  // In either order of the inputs.
  EXPECT_EQ(shape_of(specialize(graph, {{"a", {5, 3}}}), "b"), (Shape{5, 1}));
  EXPECT_EQ(shape_of(specialize(graph, {{"b", {5, 1}}}), "a"), (Shape{5, 3}));
  EXPECT_EQ(shape_of(specialize(graph, {{"a", {5, 3}}, {"b", {5, 1}}}), "y"), (Shape{5, 3}));
  // 1 would broadcast, and is another value all the same.
  expect_error(
      [&] {
        specialize(graph, {{"a", {5, 3}}, {"b", {1, 1}}});
      },
      {"input b", "[1, 1]", "two values for N", "input a", "5"});
  const Graph square = sum_of({batch, batch}, {{1, ""}});
  EXPECT_EQ(shape_of(specialize(square, {{"a", {4, 4}}}), "y"), (Shape{4, 4}));
  expect_error([&] { specialize(square, {{"a", {4, 5}}}); }, {"input a", "two values for N"});
}

TEST(Specialize, TellsOpenExtentsFromSymbols) {
  const Graph graph = sum_of({open}, {open});
  EXPECT_EQ(shape_of(specialize(graph, {{"a", {5}}, {"b", {1}}}), "y"), Shape{5});
}

TEST(Specialize, RefusesShapesThatContradictTheDeclaration) {
  const Graph graph = sum_of({batch, {3, ""}}, {{1, ""}});
  expect_error([&] { specialize(graph, {{"c", {1}}}); }, {"input c", "isn't an input"});
  expect_error([&] { specialize(graph, {{"a", {2, 4}}}); }, {"input a", "[2, 4]", "[N, 3]"});
  expect_error([&] { specialize(graph, {{"a", {3}}}); }, {"input a", "[3]", "[N, 3]"});
  expect_error([&] { specialize(graph, {{"a", {-1, 3}}}); }, {"input a", "[-1, 3]"});
  Graph unknown = graph;
  unknown.inputs[0].dims = std::nullopt;
  expect_error([&] { specialize(unknown); }, {"input a", "no declared shape"});
  EXPECT_EQ(shape_of(specialize(unknown, {{"a", {2, 3, 1}}}), "y"), (Shape{2, 3, 1}));
}

TEST(Specialize, NamesTheNodeWhoseInputsDoNotFit) {
  expect_error([&] { specialize(sum_of({{2, ""}}, {{3, ""}})); }, {"node to_y (Add)", "broadcast"});
  // Small inputs, and a value between them that is too large.
  Graph outer = sum_of({{1 << 20, ""}, {1, ""}}, {{1 << 20, ""}});
  expect_error([&] { specialize(outer); }, {"node to_y (Add)", "absurdly large"});
}

/// y = Neg(Neg(... c)), `count` nodes over a constant of `size` floats.
Graph constants_of(int64_t size, int count) {
  Graph graph;
  graph.constants["v0"] = Tensor(DType::f32, {size});
  for (int i = 0; i < count; ++i) {
    const std::string from = std::string("v") + std::to_string(i);
    const std::string to = std::string("v") + std::to_string(i + 1);
    graph.nodes.push_back(node("Neg", {from}, {to}));
    graph.outputs.push_back(value(to));
  }
  return graph;
}

TEST(Specialize, FoldsConstantsUpToALimit) {
  const Graph graph = constants_of(2000, 1);  // 8000 bytes
  EXPECT_EQ(specialize(graph, {}, {.fold_limit = 8000}).graph.nodes.size(), 0u);
  EXPECT_EQ(specialize(graph, {}, {.fold_limit = 7999}).graph.nodes.size(), 1u);
  EXPECT_EQ(specialize(constants_of(2, 1), {}, {.fold_limit = 7}).graph.nodes.size(), 1u);
}

TEST(Specialize, FoldsAtMostFourTimesTheLimitInAll) {
  EXPECT_EQ(specialize(constants_of(2000, 4), {}, {.fold_limit = 8000}).graph.nodes.size(), 0u);
  EXPECT_EQ(specialize(constants_of(2000, 6), {}, {.fold_limit = 8000}).graph.nodes.size(), 2u);
  // Small values, shapes among them, are folded whatever there was before.
  EXPECT_EQ(specialize(constants_of(1024, 40), {}, {.fold_limit = 8000}).graph.nodes.size(), 0u);
}

TEST(Specialize, FoldsShapeArithmetic) {
  Graph graph;
  graph.inputs = {value("x", {batch, {3, ""}, {4, ""}})};
  graph.outputs = {value("y")};
  graph.constants["zero"] = Tensor::from<int64_t>({1}, std::vector<int64_t>{0});
  graph.constants["rest"] = Tensor::from<int64_t>({1}, std::vector<int64_t>{-1});
  graph.nodes = {node("Shape", {"x"}, {"shape"}), node("Gather", {"shape", "zero"}, {"first"}),
                 node("Concat", {"first", "rest"}, {"wanted"}),
                 node("Reshape", {"x", "wanted"}, {"y"})};
  graph.nodes[2].attributes["axis"] = int64_t{0};
  const StaticGraph fixed = specialize(graph, {{"x", {5, 3, 4}}});
  ASSERT_EQ(fixed.graph.nodes.size(), 1u);
  EXPECT_EQ(fixed.graph.nodes[0].op, "Reshape");
  EXPECT_EQ(shape_of(fixed, "y"), (Shape{5, 12}));
  EXPECT_FALSE(fixed.graph.is_constant("zero"));  // nothing reads it any more
}

TEST(Specialize, KeepsDequantizeLinear) {
  Graph graph;
  graph.constants["q"] = Tensor(DType::i8, {4});
  graph.constants["scale"] = Tensor::scalar(1.0f);
  graph.outputs = {value("y")};
  graph.nodes = {node("DequantizeLinear", {"q", "scale"}, {"y"})};
  EXPECT_EQ(specialize(graph).graph.nodes.size(), 1u);
}

TEST(Evaluate, ComputesOutputsAndKeepsWhatLiesBetween) {
  Graph graph = sum_of({{2, ""}}, {{2, ""}});
  graph.nodes.push_back(node("Neg", {"y"}, {"z"}));
  graph.outputs = {value("z")};
  const std::map<std::string, Tensor> inputs = {{"a", Tensor::from<float>({2}, {1, 2})},
                                                {"b", Tensor::from<float>({2}, {3, 5})}};
  const auto outputs = evaluate(graph, inputs);
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs.at("z").data<float>()[1], -7);
  EXPECT_EQ(evaluate_all(graph, inputs).at("y").data<float>()[0], 4);
}

TEST(Evaluate, GivesConstantsAndInputsThatAreOutputs) {
  Graph graph;
  graph.inputs = {value("x")};
  graph.constants["c"] = Tensor::scalar(3.0f);
  graph.outputs = {value("x"), value("c")};
  const auto outputs = evaluate(graph, {{"x", Tensor::from<float>({2}, {1, 2})}});
  EXPECT_EQ(outputs.at("x").data<float>()[1], 2);
  EXPECT_EQ(outputs.at("c").data<float>()[0], 3);
}

TEST(Evaluate, RefusesInputsThatDoNotFit) {
  const Graph graph = sum_of({{2, ""}}, {{2, ""}});
  const Tensor x(DType::f32, {2});
  expect_error([&] { evaluate(graph, {{"a", x}}); }, {"input b", "was not given"});
  expect_error(
      [&] {
        evaluate(graph, {{"a", x}, {"b", Tensor(DType::f64, {2})}});
      },
      {"input b", "float64"});
  expect_error(
      [&] {
        evaluate(graph, {{"a", x}, {"b", Tensor(DType::f32, {3})}});
      },
      {"input b", "[3]"});
  expect_error([&] { evaluate(graph, {{"a", x}, {"b", x}, {"c", x}}); }, {"input c"});
}

}  // namespace
}  // namespace betimes::graph

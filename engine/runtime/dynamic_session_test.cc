#include "betimes/runtime/dynamic_session.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/graph/operator.h"
#include "betimes/graph/testing/graph.h"
#include "betimes/runtime/detail/testing.h"

namespace betimes::runtime {
namespace {

using graph::testing::node;
using graph::testing::value;
using testing::random_tensor;
using testing::relative_error;

/// y = Relu(x W), x of [N, 8].
graph::Graph dense() {
  graph::Graph graph;
  graph.inputs = {value("x", {{-1, "N"}, {8, ""}})};
  graph.outputs = {value("y", {{-1, "N"}, {5, ""}})};
  graph.constants["w"] = random_tensor({8, 5}, 3);
  graph.nodes = {node("MatMul", {"x", "w"}, {"p"}), node("Relu", {"p"}, {"y"})};
  return graph;
}

void expect_right(DynamicSession& session, const graph::Graph& graph,
                  const std::map<std::string, Tensor>& inputs) {
  const auto expected = graph::evaluate(graph, inputs);
  const auto found = session.run(inputs);
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    EXPECT_EQ(found.at(name).type(), tensor.type()) << name;
    EXPECT_LE(relative_error(found.at(name), tensor), 1e-5) << name;
  }
}

TEST(DynamicSession, MakesAPlanForEachShapeAndKeepsIt) {
  const graph::Graph graph = dense();
  DynamicSession session(graph);
  for (const int64_t n : {1, 3, 1, 7, 3, 1}) {
    expect_right(session, graph, {{"x", random_tensor({n, 8}, static_cast<uint32_t>(n))}});
  }
  EXPECT_EQ(session.counts().compiled, 3);
  EXPECT_EQ(session.counts().reused, 3);
  EXPECT_EQ(session.counts().evicted, 0);
  EXPECT_GT(session.counts().compile_ms, 0);
}

TEST(DynamicSession, ForgetsTheShapeUsedLongestAgo) {
  const graph::Graph graph = dense();
  DynamicSession session(graph, {.max_plans = 2});
  const auto run = [&](int64_t n) {
    expect_right(session, graph, {{"x", random_tensor({n, 8}, 1)}});
    return session.counts().compiled;
  };
  EXPECT_EQ(run(1), 1);
  EXPECT_EQ(run(2), 2);
  EXPECT_EQ(run(1), 2);
  EXPECT_EQ(run(3), 3);  // 2 leaves
  EXPECT_EQ(run(1), 3);
  EXPECT_EQ(run(2), 4);
  EXPECT_EQ(session.counts().evicted, 2);
}

TEST(DynamicSession, RoundsExtentsUpToBuckets) {
  const graph::Graph graph = dense();
  DynamicSession session(graph, {.buckets = {{"N", {4, 8}}}});
  for (const int64_t n : {1, 2, 3, 4, 5, 8}) {
    expect_right(session, graph, {{"x", random_tensor({n, 8}, static_cast<uint32_t>(n))}});
  }
  EXPECT_EQ(session.counts().compiled, 2);
  expect_right(session, graph, {{"x", random_tensor({9, 8}, 2)}});  // above the largest
  EXPECT_EQ(session.counts().compiled, 3);
  EXPECT_THROW(DynamicSession(graph, {.buckets = {{"M", {4}}}}), Error);
}

TEST(DynamicSession, TakesABranchByTheValueOfAnInput) {
  graph::Graph positive;
  positive.inputs = {value("x")};
  positive.outputs = {value("r")};
  positive.nodes = {node("Abs", {"x"}, {"r"})};
  graph::Graph negative = positive;
  negative.nodes = {node("Neg", {"x"}, {"r"})};
  validate(positive);
  validate(negative);
  graph::Graph graph;
  graph.inputs = {value("x"), value("rate", {}, DType::i64)};
  graph.outputs = {value("y")};
  graph.constants["wanted"] = Tensor::scalar(int64_t{16000});
  graph::Node choice = node("If", {"fast", "x"}, {"y"});
  choice.attributes["then_branch"] = std::make_shared<const graph::Graph>(positive);
  choice.attributes["else_branch"] = std::make_shared<const graph::Graph>(negative);
  choice.attributes["captures"] = int64_t{1};
  graph.nodes = {node("Equal", {"rate", "wanted"}, {"fast"}), choice};
  DynamicSession session(graph);
  const Tensor x = random_tensor({2}, 5);
  for (const int64_t rate : {16000, 8000, 16000, 8000}) {
    expect_right(session, graph, {{"x", x}, {"rate", Tensor::scalar(rate)}});
  }
  // One plan a rate, and no part before it: the rate belongs to what plans are kept by.
  EXPECT_EQ(session.counts().compiled, 2);
  EXPECT_THROW(compile(graph), graph::NeedsValue);
  EXPECT_EQ(compile(graph, {.values = {{"rate", Tensor::scalar(int64_t{8000})}}})->inputs().size(),
            1u);
}

TEST(DynamicSession, PlansInPartsWhereAComputedValueDecidesAShape) {
  // The number of rows kept is the largest element of an input, as far as the planner knows.
  graph::Graph graph;
  graph.inputs = {value("x", {{6, ""}, {3, ""}}), value("n", {{2, ""}, {2, ""}, {1, ""}})};
  graph.outputs = {value("y"), value("count")};
  graph.constants["zero"] = Tensor::from<int64_t>({1}, std::vector<int64_t>{0});
  graph::Node cast = node("Cast", {"most"}, {"count"});
  cast.attributes["to"] = int64_t{7};
  graph::Node most = node("ReduceMax", {"n"}, {"most"});
  most.attributes["axes"] = std::vector<int64_t>{0, 1};
  most.attributes["keepdims"] = int64_t{0};
  graph.nodes = {most, cast, node("Slice", {"x", "zero", "count", "zero"}, {"rows"}),
                 node("Exp", {"rows"}, {"y"})};
  DynamicSession session(graph);
  const Tensor x = random_tensor({6, 3}, 5);
  const auto inputs = [&](float rows) {
    return std::map<std::string, Tensor>{{"x", x},
                                         {"n", Tensor::from<float>({2, 2, 1}, {0, rows, 1, -2})}};
  };
  for (const float rows : {2.0f, 5.0f, 2.0f, 6.0f}) expect_right(session, graph, inputs(rows));
  EXPECT_EQ(session.run(inputs(4)).at("y").shape(), (Shape{4, 3}));
  const int64_t compiled = session.counts().compiled;
  session.run(inputs(4));
  EXPECT_EQ(session.counts().compiled, compiled);
}

TEST(DynamicSession, RefusesInputsThatDoNotFit) {
  DynamicSession session(dense());
  EXPECT_THROW(session.run({}), Error);
  EXPECT_THROW(session.run({{"x", random_tensor({1, 7}, 1)}}), Error);
  EXPECT_THROW(session.run({{"x", Tensor(DType::f64, {1, 8})}}), Error);
  EXPECT_THROW(session.run({{"x", random_tensor({1, 8}, 1)}, {"z", Tensor::scalar(1.0f)}}), Error);
  EXPECT_EQ(session.counts().compiled, 0);
  EXPECT_EQ(session.run({{"x", random_tensor({2, 8}, 1)}}).at("y").shape(), (Shape{2, 5}));
}

}  // namespace
}  // namespace betimes::runtime

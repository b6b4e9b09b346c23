#include "betimes/graph/pass.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>

#include "betimes/graph/testing/graph.h"

namespace betimes::graph {
namespace {

using namespace testing;

/// y = x + c with the constant given.
StaticGraph shifted(float c) {
  Graph graph;
  graph.inputs = {value("x", {{3, ""}})};
  graph.outputs = {value("y")};
  graph.constants["c"] = Tensor::scalar(c);
  graph.nodes = {node("Add", {"x", "c"}, {"y"})};
  return specialize(graph);
}

/// A pass that puts another constant in c's place.
Pass replacing(Tensor constant) {
  return {"replace", [constant = std::move(constant)](StaticGraph& graph) {
            graph.graph.constants["c"] = constant;
            graph.types["c"] = constant.type();
            return 1;
          }};
}

void verify(float before, float after) {
  StaticGraph graph = shifted(before);
  run_passes(graph, {replacing(Tensor::scalar(after))}, {{}, true});
}

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

TEST(RunPasses, VerifyAcceptsWhatStaysTheSame) {
  EXPECT_NO_THROW(verify(1, 1));
  EXPECT_NO_THROW(verify(1000, 1000.1f));
  EXPECT_NO_THROW(verify(nan, nan));
  EXPECT_NO_THROW(verify(infinity, infinity));
  EXPECT_NO_THROW(verify(-infinity, -infinity));
}

TEST(RunPasses, VerifyFindsWhatChanged) {
  const float pairs[][2] = {{1, 1.01f},    {1, nan},        {nan, 1},        {infinity, 1},
                            {1, infinity}, {nan, infinity}, {infinity, nan}, {infinity, -infinity}};
  for (const auto& [before, after] : pairs) {
    SCOPED_TRACE(std::to_string(before) + " becomes " + std::to_string(after));
    try {
      verify(before, after);
      ADD_FAILURE() << "was accepted";
    } catch (const std::logic_error& error) {
      EXPECT_NE(std::string(error.what()).find("pass replace changed output y"), std::string::npos)
          << error.what();
    }
  }
}

TEST(RunPasses, VerifyFindsAnotherShapeOrType) {
  const Tensor fewer(DType::f32, {1, 1});  // [3] + [1, 1] is [1, 3]
  const Tensor many(DType::f32, {1000, 1});
  for (const Tensor& constant : {fewer, many}) {
    StaticGraph graph = shifted(0);
    try {
      run_passes(graph, {replacing(constant)}, {{}, true});
      ADD_FAILURE() << "was accepted";
    } catch (const std::logic_error& error) {
      EXPECT_NE(std::string(error.what()).find("pass replace changed output y from float32[3]"),
                std::string::npos)
          << error.what();
    }
  }
  StaticGraph graph = shifted(0);
  const Pass cast{
      "cast", [](StaticGraph& changed) {
        changed.graph.nodes = {node("Add", {"x", "c"}, {"sum"}), node("Cast", {"sum"}, {"y"})};
        changed.graph.nodes[1].attributes["to"] = int64_t{11};
        return 1;
      }};
  EXPECT_THROW(run_passes(graph, {cast}, {{}, true}), std::logic_error);
}

TEST(RunPasses, WithoutVerifyNothingIsCompared) {
  StaticGraph graph = shifted(1);
  EXPECT_NO_THROW(run_passes(graph, {replacing(Tensor::scalar(5.0f))}));
  EXPECT_EQ(graph.graph.constants.at("c").data<float>()[0], 5);
}

TEST(RunPasses, ReportsChangesAndInfersWhatPassesMade) {
  StaticGraph graph = shifted(1);
  const Pass nothing{"nothing", [](StaticGraph&) { return 0; }};
  const Pass twice{"twice", [](StaticGraph& changed) {
                     changed.graph.nodes[0].outputs = {"half"};
                     changed.graph.nodes.push_back(node("Neg", {"half"}, {"unread"}));
                     changed.graph.nodes.push_back(node("Add", {"half", "half"}, {"y"}));
                     changed.graph.constants["unread_constant"] = Tensor::scalar(1.0f);
                     return 2;
                   }};
  const auto reports = run_passes(graph, {nothing, twice});
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].pass, "nothing");
  EXPECT_EQ(reports[0].changes, 0);
  EXPECT_EQ(reports[1].changes, 2);
  EXPECT_EQ(graph.types.at("half"), (TensorType{DType::f32, {3}}));
  EXPECT_EQ(graph.graph.nodes.size(), 2u);
  EXPECT_FALSE(graph.graph.is_constant("unread_constant"));
}

TEST(RunPasses, LeavesOutWhatIsDisabled) {
  StaticGraph graph = shifted(1);
  const Pass pass = replacing(Tensor::scalar(5.0f));
  EXPECT_TRUE(run_passes(graph, {pass}, {{"replace"}, false}).empty());
  EXPECT_EQ(graph.graph.constants.at("c").data<float>()[0], 1);
  expect_error(
      [&] {
        run_passes(graph, {pass}, {{"replcae"}, false});
      },
      {"pass replcae", "isn't known", "replace"});
}

TEST(RunPasses, RefusesAGraphThatAPassBroke) {
  StaticGraph graph = shifted(1);
  const Pass broken{"broken", [](StaticGraph& changed) {
                      changed.graph.nodes[0].inputs[1] = "missing";
                      return 1;
                    }};
  expect_error([&] { run_passes(graph, {broken}); }, {"node to_y (Add)", "missing"});
}

}  // namespace
}  // namespace betimes::graph

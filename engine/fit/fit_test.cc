#include "betimes/fit/fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/fit/artefact.h"
#include "betimes/fit/testing.h"
#include "betimes/graph/specialize.h"
#include "betimes/import/onnx.h"

namespace betimes::fit {
namespace {

using testing::random_tensor;
using testing::residual_graph;

judge::Task small_task(const graph::Graph& graph) {
  const graph::StaticGraph fixed = graph::specialize(graph);
  return synthetic_task(fixed.types.at("x"), 60, 5);
}

FitOptions quick(const std::string& budget) {
  FitOptions options;
  options.model = "residual";
  if (!budget.empty()) options.budget = parse_budget(budget);
  options.max_seconds = 3;
  return options;
}

float largest_difference(const Tensor& a, const Tensor& b) {
  float most = 0;
  for (size_t i = 0; i < a.data<float>().size(); ++i) {
    most = std::max(most, std::fabs(a.data<float>()[i] - b.data<float>()[i]));
  }
  return most;
}

TEST(Prepare, FoldingNormsKeepsTheOutputs) {
  std::mt19937 random(8);
  graph::Graph graph = residual_graph();
  for (graph::Node& node : graph.nodes) {
    if (node.name == "relu1") node.inputs[0] = "normed";
  }
  graph.nodes.push_back({"norm",
                         "BatchNormalization",
                         "",
                         {"a", "scale", "shift", "mean", "variance"},
                         {"normed"},
                         {{"epsilon", 1e-3f}}});
  for (const char* name : {"scale", "shift", "mean"}) {
    graph.constants[name] = random_tensor({4}, random);
  }
  graph.constants["variance"] = random_tensor({4}, random, 0.1f, 2.0f);
  graph::validate(graph);
  const graph::Graph prepared = prepare(graph, {});
  EXPECT_EQ(prepared.nodes.size(), graph.nodes.size() - 1);
  const std::map<std::string, Tensor> inputs = {{"x", random_tensor({1, 3, 8, 8}, random)}};
  const Tensor before = graph::evaluate(graph, inputs).at("y");
  const Tensor after = graph::evaluate(prepared, inputs).at("y");
  EXPECT_LT(largest_difference(before, after), 1e-3f);
}

TEST(Fit, ALooseBudgetKeepsTheOriginal) {
  const graph::Graph graph = residual_graph();
  const auto metric = judge::make_metric("cosine");
  const Fitted fitted = fit(graph, small_task(graph), *metric, quick("10s"));
  EXPECT_TRUE(fitted.result.met);
  EXPECT_TRUE(fitted.result.changes.empty()) << fitted.result.verdict;
  EXPECT_DOUBLE_EQ(fitted.result.quality_change, 0.0);
  for (const graph::Node& node : fitted.graph.nodes) EXPECT_NE(node.op, "QuantizeLinear");
}

TEST(Fit, AnImpossibleBudgetGivesTheNearestAndSaysSo) {
  const graph::Graph graph = residual_graph();
  const auto metric = judge::make_metric("cosine");
  const Fitted fitted = fit(graph, small_task(graph), *metric, quick("p50<=1ns"));
  EXPECT_FALSE(fitted.result.met);
  EXPECT_NE(fitted.result.verdict.find("can't be kept"), std::string::npos);
  for (const Point& point : fitted.result.points) {
    EXPECT_GE(point.measured_ms.value() * 1.25, fitted.result.chosen.measured_ms.value());
  }
}

TEST(Fit, AnImpossibleFloorIsNotMet) {
  const graph::Graph graph = residual_graph();
  const auto metric = judge::make_metric("cosine");
  FitOptions options = quick("p50<=1ns");
  options.budget->quality_floor = 1.0;
  EXPECT_FALSE(fit(graph, small_task(graph), *metric, options).result.met);
}

TEST(Fit, WithoutABudgetTheKneeIsKept) {
  const graph::Graph graph = residual_graph(1, 32, 32);
  const auto metric = judge::make_metric("cosine");
  const Fitted fitted = fit(graph, small_task(graph), *metric, quick(""));
  EXPECT_TRUE(fitted.result.budget_was_chosen);
  ASSERT_EQ(fitted.result.budget.bounds.size(), 1u);
  EXPECT_EQ(fitted.result.budget.bounds[0].statistic, "p99");
  EXPECT_GE(fitted.result.points.size(), 2u);
  EXPECT_EQ(fitted.result.points[0].label, "original");
  EXPECT_EQ(fitted.result.sensitivities.size() % 4, 0u);  // one a node and lower precision
  EXPECT_GT(fitted.result.agreement.value, 0.5);
}

TEST(Fit, TheArtefactComputesTheSameFromItsFileAtAnyBatch) {
  const graph::Graph graph = residual_graph(-1, 8, 8);
  const auto metric = judge::make_metric("cosine");
  const Fitted fitted = fit(graph, small_task(graph), *metric, quick("p50<=1ns"));
  ASSERT_TRUE(fitted.graph.metadata.contains("betimes.setting"));
  ASSERT_TRUE(fitted.graph.metadata.contains("betimes.evidence"));
  const std::string bytes = import::serialize_onnx(fitted.graph);
  const graph::Graph read = import::parse_onnx(std::as_bytes(std::span(bytes)), "artefact");
  EXPECT_EQ(read.metadata, fitted.graph.metadata);
  EXPECT_EQ(artefact_options(read).threads, 1);
  std::mt19937 random(6);
  const Tensor x = random_tensor({3, 3, 8, 8}, random, 0.0f, 1.0f);
  const Tensor expected = graph::evaluate(graph, {{"x", x}}).at("y");
  const Tensor found = graph::evaluate(read, {{"x", x}}).at("y");
  float scale = 0;
  for (const float y : expected.data<float>()) scale = std::max(scale, std::fabs(y));
  EXPECT_LT(largest_difference(expected, found), 0.2f * scale);
}

TEST(Fit, DamagedMetadataIsRefused) {
  graph::Graph graph = residual_graph();
  EXPECT_EQ(artefact_options(graph).threads, 1);
  graph.metadata["betimes.setting"] = "{\"threads\":";
  EXPECT_THROW(artefact_options(graph), Error);
}

TEST(Task, PartsAreDisjointAndCoverEverything) {
  judge::Examples all;
  all.inputs = Tensor(DType::f32, {101, 2});
  for (size_t i = 0; i < 202; ++i) all.inputs.mutable_data<float>()[i] = static_cast<float>(i / 2);
  for (int64_t i = 0; i < 101; ++i) all.labels.push_back(i);
  const judge::Task task = split(all, "numbers", 3);
  std::vector<bool> seen(101, false);
  for (const judge::Examples* part : {&task.calibration, &task.validation, &task.test}) {
    for (int64_t i = 0; i < part->size(); ++i) {
      const auto row = static_cast<size_t>(part->labels[static_cast<size_t>(i)]);
      EXPECT_EQ(part->inputs.data<float>()[static_cast<size_t>(2 * i)], static_cast<float>(row));
      EXPECT_FALSE(seen[row]);
      seen[row] = true;
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 101);
  EXPECT_NE(split(all, "numbers", 4).test.labels, task.test.labels);
  EXPECT_EQ(split(all, "numbers", 3).test.labels, task.test.labels);
  EXPECT_THROW(split(all.slice(0, 5), "few", 1), Error);
}

TEST(Task, SyntheticInputsStayInRange) {
  const judge::Task task = synthetic_task({DType::f32, {1, 3, 17, 13}}, 20, 1);
  EXPECT_EQ(task.test.size() + task.validation.size() + task.calibration.size(), 20);
  for (const float x : task.test.inputs.data<float>()) {
    EXPECT_GE(x, 0.0f);
    EXPECT_LE(x, 1.0f);
  }
  EXPECT_THROW(synthetic_task({DType::i64, {1, 3}}, 20, 1), Error);
}

}  // namespace
}  // namespace betimes::fit

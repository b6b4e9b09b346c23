#include "betimes/fit/latency_model.h"

#include <gtest/gtest.h>

#include <cmath>

namespace betimes::fit {
namespace {

/// A plan of one product of `rows` rows: the same step, moving more bytes with more rows.
std::shared_ptr<const runtime::Plan> plan_of(int64_t rows) {
  graph::Graph graph;
  graph.inputs = {{"x", DType::f32, std::vector<graph::Dim>{{rows, {}}, {8, {}}}}};
  graph.constants["w"] = Tensor(DType::f32, {8, 8});
  graph.nodes.push_back({"product", "MatMul", "", {"x", "w"}, {"y"}, {}});
  graph.outputs = {{"y", DType::f32, {}}};
  return runtime::compile(graph);
}

measure::Profile profile_of(const runtime::Plan& plan, double ms, double overhead_ms = 0) {
  measure::Profile profile;
  for (const runtime::StepInfo& step : plan.steps()) {
    measure::StepTime time;
    time.name = step.name;
    time.median_ms = ms;
    profile.steps.push_back(time);
  }
  profile.overhead_ms = overhead_ms;
  return profile;
}

TEST(LatencyModel, AStepCostsWhatItCostWhereItMovedAsMuch) {
  const auto narrow = plan_of(1);
  const auto wide = plan_of(64);
  ASSERT_EQ(narrow->steps().size(), 1u);
  LatencyModel model;
  for (const double ms : {1.0, 1.2, 0.9}) model.observe(*narrow, profile_of(*narrow, ms));
  for (const double ms : {5.0, 6.0, 4.0}) model.observe(*wide, profile_of(*wide, ms));
  EXPECT_DOUBLE_EQ(model.predict(*narrow), 1.0);
  EXPECT_DOUBLE_EQ(model.predict(*wide), 5.0);
  // Another traffic was never seen: the median of all, of an even number the middle of two.
  EXPECT_DOUBLE_EQ(model.predict(*plan_of(7)), 2.6);
  EXPECT_DOUBLE_EQ(model.node_ms("product", Precision::fp32), 2.6);
}

TEST(LatencyModel, WhatWasNeverSeenHasNoCost) {
  EXPECT_TRUE(std::isnan(LatencyModel().node_ms("product", Precision::int8)));
}

TEST(LatencyModel, TheTimeBetweenStepsIsAddedForEach) {
  const auto plan = plan_of(3);
  LatencyModel model;
  model.observe(*plan, profile_of(*plan, 2.0, 0.5));
  EXPECT_DOUBLE_EQ(model.predict(*plan), 2.5);
}

}  // namespace
}  // namespace betimes::fit

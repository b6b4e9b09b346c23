#include "betimes/measure/shapes.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/graph/testing/graph.h"

namespace betimes::measure {
namespace {

using graph::testing::node;
using graph::testing::value;

graph::Graph relu() {
  graph::Graph graph;
  graph.inputs = {value("x", {{-1, "N"}, {8, ""}})};
  graph.outputs = {value("y", {{-1, "N"}, {8, ""}})};
  graph.nodes = {node("Relu", {"x"}, {"y"})};
  return graph;
}

std::vector<std::map<std::string, Tensor>> batches(const std::vector<int64_t>& extents) {
  std::vector<std::map<std::string, Tensor>> inputs;
  for (const int64_t n : extents) inputs.push_back({{"x", Tensor(DType::f32, {n, 8})}});
  return inputs;
}

const Options few = {
    .percentile = 0.5, .min_seconds = 0, .min_runs = 32, .max_runs = 32, .progress = {}};

TEST(MeasureShapes, SaysWhatEachNewShapeCost) {
  runtime::DynamicSession session(relu());
  const ShapeLatencies found = measure_shapes(session, batches({1, 5, 1}), few, 1);
  ASSERT_EQ(found.shapes.size(), 3u);
  EXPECT_EQ(found.shapes[1].shapes.at("x"), (Shape{5, 8}));
  EXPECT_GT(found.shapes[0].compile_ms, 0);
  EXPECT_GT(found.shapes[1].compile_ms, 0);
  EXPECT_EQ(found.shapes[2].compile_ms, 0);
  for (const ShapeLatency& each : found.shapes) EXPECT_EQ(each.latency.runs, 32);
  EXPECT_EQ(found.counts.compiled, 2);
  EXPECT_GT(found.counts.reused, 3 * 32);
}

TEST(MeasureShapes, ABucketIsPlannedOnce) {
  runtime::DynamicSession session(relu(), {.buckets = {{"N", {4, 8}}}});
  const ShapeLatencies found = measure_shapes(session, batches({3, 4, 7}), few, 1);
  EXPECT_EQ(found.counts.compiled, 2);
  EXPECT_EQ(found.shapes[1].compile_ms, 0);
}

TEST(MeasureShapes, RefusesWhatTheModelDoesNotTake) {
  runtime::DynamicSession session(relu());
  EXPECT_THROW(measure_shapes(session, {{{"z", Tensor(DType::f32, {1, 8})}}}, few, 1), Error);
}

}  // namespace
}  // namespace betimes::measure

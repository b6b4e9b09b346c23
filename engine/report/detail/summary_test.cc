#include "betimes/report/detail/summary.h"

#include <gtest/gtest.h>

#include <numeric>

#include "betimes/report/detail/histogram.h"
#include "betimes/report/testing/synthetic_result.h"

namespace betimes::report::detail {
namespace {

TEST(BindingBound, IsTheOneUnderMostPressure) {
  measure::Latency latency;
  latency.p50.value = 1;
  latency.p99.value = 4;
  const auto bound = binding_bound({{{"p50", 0.8}, {"p99", 8}}, {}, {}}, latency);
  ASSERT_TRUE(bound.has_value());
  EXPECT_EQ(bound->statistic, "p50");
  EXPECT_FALSE(binding_bound({}, latency).has_value());
}

TEST(BudgetLine, ScalesTheBoundToMedians) {
  fit::Result result;
  result.budget.bounds = {{"p99", 6}};
  result.fitted.latency.p50.value = 2;
  result.fitted.latency.p99.value = 4;
  const auto line = budget_line(result);
  ASSERT_TRUE(line.has_value());
  EXPECT_DOUBLE_EQ(line->p50_ms, 3);
  EXPECT_DOUBLE_EQ(line->bound_ms, 6);
}

TEST(Changes, AreTakenApartFromTheRight) {
  const auto changes = parse_changes({"a: b -> c: fp32 -> int8", "no form", "x -> y"});
  EXPECT_EQ(changes[0].what, "a: b -> c");
  EXPECT_EQ(changes[0].from, "fp32");
  EXPECT_EQ(changes[0].to, "int8");
  EXPECT_EQ(changes[1].what, "no form");
  EXPECT_EQ(changes[1].to, "");
  EXPECT_EQ(changes[2].what, "x -> y");
}

TEST(ChangeGroups, CountNodesAndNameKnobs) {
  fit::Result result;
  result.sensitivities = {{"a", "Conv", "int8", 0, 0, 1, 1, true},
                          {"b", "Conv", "int8", 0, 0, 1, 1, true},
                          {"c", "Conv", "int8", 0, 0, 1, 1, false}};
  result.changes = {"threads: 1 -> 2", "a: fp32 -> int8", "b: fp32 -> int8"};
  const auto groups = group_changes(result);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].title, "2 of 3 nodes: fp32 -> int8");
  EXPECT_EQ(groups[1].title, "threads: 1 -> 2");
}

TEST(Layers, JoinStepsByNameLongestFirst) {
  fit::Result result;
  const auto step = [](const char* name, double ms) {
    measure::StepTime made;
    made.name = name;
    made.precision = "fp32";
    made.median_ms = ms;
    return made;
  };
  result.original.profile.steps = {step("a", 1), step("b", 2), step("b", 2)};
  result.fitted.profile.steps = {step("a", 0.5), step("q", 3)};
  const auto rows = layers(result);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].name, "b");
  EXPECT_DOUBLE_EQ(rows[0].before_ms, 4);
  EXPECT_EQ(rows[0].precision_after, "");
  EXPECT_EQ(rows[1].name, "q");
  EXPECT_EQ(rows[1].precision_before, "");
  EXPECT_DOUBLE_EQ(rows[2].after_ms, 0.5);
}

double total(const std::vector<double>& shares) {
  return std::accumulate(shares.begin(), shares.end(), 0.0);
}

TEST(Histogram, CountsEveryRunOnce) {
  const auto slow = synthetic::latency(1.4, 5000, 1).samples_ms;
  const auto fast = synthetic::latency(0.6, 700, 2).samples_ms;
  const Histogram made = histogram(slow, fast);
  ASSERT_EQ(made.edges.size(), made.original.size() + 1);
  EXPECT_FALSE(made.logarithmic);
  EXPECT_NEAR(total(made.original) + made.original_beyond, 1, 1e-9);
  EXPECT_NEAR(total(made.fitted) + made.fitted_beyond, 1, 1e-9);
  EXPECT_LE(made.original_beyond, 0.006);
  EXPECT_TRUE(std::is_sorted(made.edges.begin(), made.edges.end()));
}

TEST(Histogram, TakesLogarithmsOfFarApartTimes) {
  const Histogram made = histogram({100, 101, 102}, {1, 1.1, 1.2});
  EXPECT_TRUE(made.logarithmic);
  EXPECT_NEAR(made.edges[1] / made.edges[0], made.edges[2] / made.edges[1], 1e-9);
  EXPECT_NEAR(total(made.original), 1, 1e-9);
  EXPECT_NEAR(total(made.fitted), 1, 1e-9);
}

TEST(Histogram, IsEmptyWithoutUsableRuns) {
  EXPECT_TRUE(histogram({}, {}).edges.empty());
  EXPECT_TRUE(histogram({-1, 0, NAN, INFINITY}, {}).edges.empty());
  const Histogram one = histogram({}, {2.0});
  EXPECT_NEAR(total(one.fitted), 1, 1e-9);
  EXPECT_EQ(total(one.original), 0);
}

}  // namespace
}  // namespace betimes::report::detail

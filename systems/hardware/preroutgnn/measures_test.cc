#include "systems/hardware/preroutgnn/measures.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::preroutgnn {
namespace {

/// Endpoints at levels 1, 3 and 5; the first isn't judged.
Circuit pair(float first, float second) {
  Circuit made;
  made.name = "pair";
  made.levels = 6;
  made.level = {1, 3, 5};
  made.nets = {{0, 1, 0, 0, {1, 1, 1, 1}}};
  made.arrival = {{0, 0, 7, 7}, {0, 0, first, first}, {0, 0, second, second}};
  made.slew = made.arrival;
  for (const int32_t pin : {0, 1, 2}) made.endpoints.push_back({pin, {0, 0, 10, 10}});
  return made;
}

const size_t late[] = {late_rise, late_fall};

TEST(PreRouteAgreement, EqualsTheDefinition) {
  Random random(1);
  std::vector<double> truth, guess;
  Agreement all, first, second;
  for (int i = 0; i < 200; ++i) {
    truth.push_back(random.normal() + 50);
    guess.push_back(truth.back() + 0.3 * random.normal());
    all.add(truth.back(), guess.back());
    (i < 70 ? first : second).add(truth.back(), guess.back());
  }
  double mean = 0, errors = 0, spread = 0;
  for (const double each : truth) mean += each / 200;
  for (size_t i = 0; i < truth.size(); ++i) {
    errors += (truth[i] - guess[i]) * (truth[i] - guess[i]);
    spread += (truth[i] - mean) * (truth[i] - mean);
  }
  EXPECT_NEAR(*all.r2(), 1 - errors / spread, 1e-12);
  first.add(second);
  EXPECT_NEAR(*first.r2(), *all.r2(), 1e-10);
  EXPECT_EQ(first.count(), 200);
}

TEST(PreRouteAgreement, WithinGroupsCountsNoDifferenceBetweenThem) {
  // Two groups about 0 and 100, each off by its whole spread: nothing is explained.
  Agreement low, high, pooled, within;
  for (const double each : {-1.0, 1.0}) {
    low.add(each, 0);
    high.add(100 + each, 100);
  }
  pooled.add(low);
  pooled.add(high);
  within.add_within(low);
  within.add_within(high);
  EXPECT_GT(*pooled.r2(), 0.99);
  EXPECT_DOUBLE_EQ(*within.r2(), 0);
  EXPECT_EQ(within.count(), 4);
}

TEST(PreRouteAgreement, IsUndefinedForConstants) {
  Agreement none, constant;
  EXPECT_FALSE(none.r2());
  for (int i = 0; i < 5; ++i) constant.add(0.1, i);
  EXPECT_FALSE(constant.r2());
}

TEST(PreRouteSlack, HasItsSignByCorner) {
  const Times arrival = {1, 2, 3, 4}, required = {0.5f, 0.5f, 5, 5};
  EXPECT_DOUBLE_EQ(slack(arrival, required, early_rise), 0.5);
  EXPECT_DOUBLE_EQ(slack(arrival, required, late_fall), 1);
}

TEST(PreRouteMeasures, AreOfSlackAndSkipWhatDoesNotVary) {
  const std::vector<Circuit> circuits = {pair(1, 3), pair(2, 2)};
  Prediction good, off;
  good.arrival = {{0, 0, 99, 99}, {0, 0, 1.5f, 1.5f}, {0, 0, 3, 3}};
  off.arrival = {{0, 0, 99, 99}, {0, 0, 1, 1}, {0, 0, 3, 3}};
  const std::vector<Prediction> found = {good, off};
  const Measures measures = measure(circuits, found, late);
  // Errors 0.5 twice, spread 1 about 2 four times.
  ASSERT_TRUE(measures.slack_by_design[0]);
  EXPECT_NEAR(*measures.slack_by_design[0], 1 - 0.5 / 4, 1e-9);
  EXPECT_FALSE(measures.slack_by_design[1]);
  EXPECT_EQ(measures.skipped, std::vector<std::string>{"pair"});
  EXPECT_NEAR(*measures.mean_slack_r2(), 1 - 0.5 / 4, 1e-9);
  EXPECT_EQ(measures.endpoints(), 8);
  // Too few endpoints for quarters.
  for (const Agreement& each : measures.slack_by_depth) EXPECT_EQ(each.count(), 0);
  EXPECT_FALSE(measures.net_delay.r2());
}

/// `count` judged endpoints, one a level from `first` on; arrivals are their levels.
Circuit ladder(int32_t count, int32_t first) {
  Circuit made;
  made.name = "ladder";
  made.levels = first + count;
  for (int32_t i = 0; i < count; ++i) {
    const auto arrival = static_cast<float>(first + i);
    made.level.push_back(first + i);
    made.arrival.push_back({0, 0, arrival, arrival});
    made.endpoints.push_back({i, {0, 0, 100, 100}});
  }
  made.slew = made.arrival;
  return made;
}

TEST(PreRouteMeasures, QuartersAreEachDesignsOwn) {
  // All endpoints of the second are deeper than any of the first; the third is too small.
  const std::vector<Circuit> circuits = {ladder(20, 2), ladder(24, 30), ladder(19, 2)};
  std::vector<Prediction> found;
  for (const Circuit& each : circuits) found.push_back({each.arrival, {}, {}, {}});
  // The deepest five of the first are off by one.
  for (size_t i = 15; i < 20; ++i) found[0].arrival[i][late_rise] += 1;
  const Measures measures = measure(circuits, found, late);
  int64_t by_depth = 0;
  for (size_t q = 0; q < depth_quartiles; ++q) {
    const Agreement& quarter = measures.slack_by_depth[q];
    EXPECT_EQ(quarter.count(), 2 * (5 + 6)) << q;
    by_depth += quarter.count();
    ASSERT_TRUE(quarter.r2());
    // Levels 17 to 21 and 48 to 53, each twice: spreads 10 and 17.5; five errors of one.
    EXPECT_NEAR(*quarter.r2(), q == 3 ? 1 - 5.0 / (2 * (10 + 17.5)) : 1, 1e-9) << q;
  }
  EXPECT_EQ(by_depth, 2 * (20 + 24));
}

TEST(PreRouteMeasures, RefuseWhatDoesNotFit) {
  const std::vector<Circuit> circuits = {pair(1, 3)};
  Prediction none, few;
  few.arrival.resize(1);
  EXPECT_THROW(measure(circuits, {}, late), Error);
  EXPECT_THROW(measure(circuits, {&none, 1}, late), Error);
  EXPECT_THROW(measure(circuits, {&few, 1}, late), Error);
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

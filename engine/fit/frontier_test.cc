#include "betimes/fit/frontier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::fit {
namespace {

Entry entry(double quality, double ms, int64_t id = 0, std::map<std::string, double> extra = {}) {
  Entry made;
  made.setting["id"] = id;
  made.found = Outcome{quality, ms, std::move(extra)};
  return made;
}

Frontier frontier_of(const std::vector<Entry>& entries) {
  Frontier frontier;
  for (const Entry& each : entries) frontier.add(each);
  return frontier;
}

/// Coarse values, so that ties of all kinds occur.
std::vector<Entry> random_entries(Random& random, int count) {
  std::vector<Entry> entries;
  for (int64_t i = 0; i < count; ++i) {
    entries.push_back(entry(double(random.below(12)) / 12, 0.5 * double(1 + random.below(12)), i,
                            {{"p99", double(1 + random.below(9))}}));
  }
  return entries;
}

bool beats(const Outcome& a, const Outcome& b) {
  return a.quality >= b.quality && a.latency_ms <= b.latency_ms &&
         (a.quality > b.quality || a.latency_ms < b.latency_ms);
}

TEST(Frontier, HoldsWhatNothingBeats) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    const auto entries = random_entries(random, 1 + round % 40);
    std::set<std::pair<double, double>> expected;
    for (const Entry& a : entries) {
      bool beaten = false;
      for (const Entry& b : entries) beaten |= beats(*b.found, *a.found);
      if (!beaten) expected.insert({a.found->latency_ms, a.found->quality});
    }
    std::vector<std::pair<double, double>> found;
    for (const Entry& point : frontier_of(entries).points()) {
      found.emplace_back(point.found->latency_ms, point.found->quality);
    }
    EXPECT_EQ(found, std::vector(expected.begin(), expected.end()));
  }
}

TEST(Frontier, LeavesOutTheFailedAndKeepsTheFirstOfEquals) {
  Frontier frontier = frontier_of({entry(0.5, 1, 1), entry(0.5, 1, 2)});
  Entry failed;
  failed.setting["id"] = int64_t{3};
  failed.failure = "why not";
  frontier.add(failed);
  ASSERT_EQ(frontier.points().size(), 1u);
  EXPECT_TRUE(frontier.has(entry(0, 0, 1).setting));
  EXPECT_FALSE(frontier.has(entry(0, 0, 2).setting));
}

TEST(Frontier, HypervolumeIsTheAreaThatCellsCount) {
  Random random(2);
  // Qualities are multiples of 1/12 and latencies of 1/2, the reference is (1/12, 5): every cell of
  // that grid is either beaten wholly or not at all.
  for (int round = 0; round < 100; ++round) {
    const auto entries = random_entries(random, 1 + round % 20);
    double area = 0;
    for (int q = 1; q < 12; ++q) {
      for (int t = 0; t < 10; ++t) {
        bool beaten = false;
        for (const Entry& each : entries) {
          beaten |=
              each.found->quality >= (q + 0.5) / 12 && each.found->latency_ms <= 0.5 * (t + 0.5);
        }
        if (beaten) area += 0.5 / 12;
      }
    }
    EXPECT_NEAR(frontier_of(entries).hypervolume(1.0 / 12, 5), area, 1e-12);
  }
  EXPECT_EQ(Frontier().hypervolume(0, 1), 0);
}

TEST(Frontier, BestUnderABudgetAgreesWithBruteForce) {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    const auto entries = random_entries(random, 1 + round % 15);
    Budget budget = parse_budget("p50<=3ms,p99<=6ms");
    if (round % 2 == 0) budget.quality_floor = 0.5;
    double best_quality = -1, least_ms = 0;
    for (const Entry& each : entries) {
      const Outcome& o = *each.found;
      if (o.latency_ms > 3 || o.extra.at("p99") > 6 || (round % 2 == 0 && o.quality < 0.5))
        continue;
      if (o.quality < best_quality) continue;
      least_ms = o.quality > best_quality ? o.latency_ms : std::min(least_ms, o.latency_ms);
      best_quality = o.quality;
    }
    const Frontier frontier = frontier_of(entries);
    const Entry* found = frontier.best(budget);
    ASSERT_EQ(found != nullptr, best_quality >= 0);
    if (!found) continue;
    EXPECT_EQ(found->found->quality, best_quality);
    EXPECT_EQ(found->found->latency_ms, least_ms);
  }
}

TEST(Frontier, BoundsOnMemoryNeedMemory) {
  Budget budget = parse_budget("10ms");
  budget.memory = 1000;
  EXPECT_EQ(frontier_of({entry(0.5, 1)}).best(budget), nullptr);
  EXPECT_EQ(frontier_of({entry(0.5, 1, 0, {{"memory_bytes", 1001}})}).best(budget), nullptr);
  EXPECT_NE(frontier_of({entry(0.5, 1, 0, {{"memory_bytes", 1000}})}).best(budget), nullptr);
}

TEST(Frontier, NearestHasTheLeastWorstRatio) {
  Budget budget = parse_budget("1ms");
  budget.quality_floor = 0.9;
  // Ratios: 2 (latency), 1.125 (quality), 3 (quality).
  const Frontier frontier =
      frontier_of({entry(0.95, 2, 1), entry(0.8, 0.5, 2), entry(0.3, 0.1, 3)});
  EXPECT_EQ(frontier.nearest(budget)->setting.at("id"), Value(int64_t{2}));
  EXPECT_EQ(Frontier().nearest(budget), nullptr);
}

TEST(Frontier, KneeIsFarthestFromTheChord) {
  EXPECT_EQ(frontier_of({entry(0.5, 1), entry(0.9, 2), entry(0.92, 4)}).knee().found->latency_ms,
            2);
  EXPECT_EQ(frontier_of({entry(0.5, 1)}).knee().found->latency_ms, 1);
  // A bend that nobody would notice: the fastest.
  EXPECT_EQ(
      frontier_of({entry(0.9, 1), entry(0.901, 2), entry(0.9011, 4)}).knee().found->latency_ms, 1);
  EXPECT_THROW(Frontier().knee(), Error);
}

TEST(Frontier, RegretIsWhatTheOptimumHasMore) {
  const Frontier all = frontier_of({entry(0.5, 1), entry(0.8, 2), entry(0.9, 3)});
  EXPECT_EQ(regret(all, all, parse_budget("2ms")), 0.0);
  EXPECT_NEAR(*regret(frontier_of({entry(0.5, 1)}), all, parse_budget("2ms")), 0.3, 1e-12);
  EXPECT_TRUE(std::isinf(*regret(frontier_of({entry(0.9, 3)}), all, parse_budget("2ms"))));
  EXPECT_FALSE(regret(all, all, parse_budget("500us")).has_value());
}

TEST(Objective, UnderABudgetWhatHoldsComesFirst) {
  Budget budget = parse_budget("p99<=4ms");
  budget.quality_floor = 0.5;
  const Objective objective = Objective::under(budget);
  EXPECT_EQ(objective(entry(0.7, 1, 0, {{"p99", 4}})), 0.7);
  EXPECT_DOUBLE_EQ(objective(entry(0.7, 1, 0, {{"p99", 8}})), -0.5);
  EXPECT_EQ(objective(entry(0.7, 3)), 0.7);  // no p99 known: the latency there is
  EXPECT_DOUBLE_EQ(objective(entry(0.25, 1)), -0.5);
  EXPECT_TRUE(std::isinf(objective(Entry{})));
  EXPECT_TRUE(objective.better(entry(0.7, 1), entry(0.7, 2)));
  EXPECT_TRUE(objective.better(entry(0.5, 3), entry(0.9, 5)));
  EXPECT_TRUE(objective.better(entry(0, 99), Entry{}));
  EXPECT_FALSE(objective.better(Entry{}, Entry{}));
}

TEST(Objective, WeightedIsMnasNets) {
  const Objective soft = Objective::weighted(2);
  EXPECT_NEAR(soft(entry(0.8, 2)), 0.8, 1e-12);
  // The paper's example: double the latency for 5 % more quality is about even.
  EXPECT_NEAR(soft(entry(0.8 * 1.05, 4)), 0.8, 0.002);
  const Objective hard = Objective::weighted(2, 0, -1);
  EXPECT_NEAR(hard(entry(0.8, 1)), 0.8, 1e-12);
  EXPECT_NEAR(hard(entry(0.8, 4)), 0.4, 1e-12);
  EXPECT_TRUE(std::isfinite(soft(entry(0.8, 0))));
  EXPECT_THROW(Objective::weighted(0), Error);
  EXPECT_THROW(Objective::weighted(1, 0.1, 0), Error);
}

}  // namespace
}  // namespace betimes::fit

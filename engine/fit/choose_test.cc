#include "betimes/fit/choose.h"

#include <gtest/gtest.h>

namespace betimes::fit {
namespace {

Candidate candidate(double ms, double error, double quality = 0.9, size_t memory = 1000) {
  Candidate result;
  result.latency.p50.value = ms;
  result.latency.p99.value = 1.5 * ms;
  result.output_error = error;
  result.quality = quality;
  result.memory_bytes = memory;
  return result;
}

const std::vector<Candidate> three = {candidate(4, 0), candidate(2, 0.01), candidate(1, 0.5)};

TEST(Choose, TheMostFaithfulThatKeepsTheBudget) {
  EXPECT_EQ(best_under(three, parse_budget("p50<=4ms")), 0u);
  EXPECT_EQ(best_under(three, parse_budget("p50<=3.9ms")), 1u);
  EXPECT_EQ(best_under(three, parse_budget("p99<=3ms")), 1u);
  EXPECT_EQ(best_under(three, parse_budget("p99<=2.9ms")), 2u);
  EXPECT_EQ(best_under(three, parse_budget("p99<=1.4ms")), std::nullopt);
}

TEST(Choose, EqualErrorsTakeTheFaster) {
  const std::vector<Candidate> equal = {candidate(4, 0.1), candidate(2, 0.1), candidate(3, 0.1)};
  EXPECT_EQ(best_under(equal, parse_budget("1s")), 1u);
}

TEST(Choose, FloorAndMemoryBind) {
  std::vector<Candidate> some = {candidate(4, 0, 0.95, 4000), candidate(2, 0.01, 0.90, 2000),
                                 candidate(1, 0.5, 0.70, 1000)};
  Budget budget = parse_budget("p50<=3ms");
  budget.quality_floor = 0.92;
  EXPECT_EQ(best_under(some, budget), std::nullopt);
  budget.quality_floor = 0.85;
  EXPECT_EQ(best_under(some, budget), 1u);
  budget.memory = 1500;
  EXPECT_EQ(best_under(some, budget), std::nullopt);
  budget.quality_floor = 0.6;
  EXPECT_EQ(best_under(some, budget), 2u);
}

TEST(Choose, RejectedOnesAreLeftOut) {
  std::vector<Candidate> some = three;
  some[0].rejected = true;
  EXPECT_EQ(best_under(some, parse_budget("1s")), 1u);
}

TEST(Choose, NearestHasTheLeastWorstRatio) {
  EXPECT_EQ(nearest(three, parse_budget("p50<=0.5ms")), 2u);
  Budget floor = parse_budget("p50<=0.9ms");
  floor.quality_floor = 0.9;
  std::vector<Candidate> some = {candidate(1, 0, 0.89), candidate(0.8, 0.5, 0.3)};
  EXPECT_EQ(nearest(some, floor), 0u);
}

TEST(Choose, ParetoLeavesOutTheDominated) {
  const std::vector<Candidate> some = {candidate(4, 0), candidate(2, 0.2), candidate(3, 0.3),
                                       candidate(1, 0.5), candidate(4, 0.1)};
  EXPECT_EQ(pareto(some), (std::vector<size_t>{3, 1, 0}));
}

TEST(Choose, KneeIsFarthestFromTheChord) {
  EXPECT_EQ(knee(three), 1u);
  EXPECT_EQ(knee({candidate(4, 0)}), 0u);
  // A bend that nobody would notice: the fastest.
  EXPECT_EQ(knee({candidate(4, 0), candidate(2, 1e-5), candidate(1, 1e-3)}), 2u);
  // Nothing lies below the line: its ends tie, and the faster one is taken.
  EXPECT_EQ(knee({candidate(4, 0), candidate(3.9, 0.4), candidate(1, 0.5)}), 2u);
}

}  // namespace
}  // namespace betimes::fit

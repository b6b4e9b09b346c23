#include "betimes/system/claim.h"

#include <gtest/gtest.h>

#include <cmath>

namespace betimes::system {
namespace {

Claim at_least(double bound) {
  return {"id", "text", "paper", "how", Direction::at_least, bound, "x", true};
}
Claim at_most(double bound) {
  return {"id", "text", "paper", "how", Direction::at_most, bound, "", true};
}
Estimate between(double low, double value, double high) {
  return {value, Interval{low, high}, 5, ""};
}

TEST(Claim, AValueAloneIsReproducedOrNot) {
  EXPECT_EQ(judge(at_least(2), {2, {}, 1, ""}), Verdict::reproduced);
  EXPECT_EQ(judge(at_least(2), {1.9, {}, 1, ""}), Verdict::not_reproduced);
  EXPECT_EQ(judge(at_most(2), {2, {}, 1, ""}), Verdict::reproduced);
  EXPECT_EQ(judge(at_most(2), {2.1, {}, 1, ""}), Verdict::not_reproduced);
}

TEST(Claim, AnIntervalThatReachesAcrossWeakensTheVerdict) {
  EXPECT_EQ(judge(at_least(2), between(2.1, 3, 4)), Verdict::reproduced);
  EXPECT_EQ(judge(at_least(2), between(1.5, 3, 4)), Verdict::weakly);
  EXPECT_EQ(judge(at_least(2), between(1, 1.5, 2.5)), Verdict::not_beyond_noise);
  EXPECT_EQ(judge(at_least(2), between(1, 1.5, 1.9)), Verdict::not_reproduced);
  EXPECT_EQ(judge(at_most(2), between(0, 1, 1.9)), Verdict::reproduced);
  EXPECT_EQ(judge(at_most(2), between(0, 1, 2.1)), Verdict::weakly);
  EXPECT_EQ(judge(at_most(2), between(1.9, 2.5, 3)), Verdict::not_beyond_noise);
}

TEST(Claim, NothingMeasuredReproducesNothing) {
  EXPECT_EQ(judge(at_least(2), {std::nan(""), {}, 0, ""}), Verdict::not_reproduced);
  EXPECT_EQ(judge(at_most(2), {std::nan(""), {}, 0, ""}), Verdict::not_reproduced);
}

TEST(Claim, CriterionReadsAsPeopleWriteIt) {
  EXPECT_EQ(criterion(at_least(20)), ">= 20 x");
  EXPECT_EQ(criterion(at_most(0.01)), "<= 0.01");
}

}  // namespace
}  // namespace betimes::system

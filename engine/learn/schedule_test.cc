#include "betimes/learn/schedule.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"

namespace betimes::learn {
namespace {

TEST(Schedule, CosineWarmsUpThenFalls) {
  const Schedule schedule = cosine(0.2, 0.1, 0.01);
  EXPECT_DOUBLE_EQ(schedule(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule(0.1), 0.55);
  EXPECT_DOUBLE_EQ(schedule(0.2), 1);
  EXPECT_NEAR(schedule(0.6), (1 + 0.01) / 2, 1e-12);
  EXPECT_NEAR(schedule(1), 0.01, 1e-12);
  EXPECT_THROW(cosine(1), Error);
}

TEST(Schedule, OneCycleGoesUpAndDown) {
  const Schedule schedule = one_cycle(0.25, 0.04, 0.0);
  EXPECT_NEAR(schedule(0), 0.04, 1e-12);
  EXPECT_NEAR(schedule(0.125), 0.52, 1e-12);
  EXPECT_NEAR(schedule(0.25), 1, 1e-12);
  EXPECT_NEAR(schedule(0.625), 0.5, 1e-12);
  EXPECT_THROW(one_cycle(0), Error);
}

TEST(Schedule, StepsMultiply) {
  const Schedule schedule = steps({0.45, 0.7, 0.9}, 0.2);
  EXPECT_DOUBLE_EQ(schedule(0.4), 1);
  EXPECT_DOUBLE_EQ(schedule(0.45), 0.2);
  EXPECT_NEAR(schedule(0.95), 0.008, 1e-15);
}

TEST(Schedule, PlateauWaitsThenFalls) {
  Plateau plateau(0.5, 1);
  EXPECT_DOUBLE_EQ(plateau.observe(0.5), 1);
  EXPECT_DOUBLE_EQ(plateau.observe(0.5), 1);
  EXPECT_DOUBLE_EQ(plateau.observe(0.4), 0.5);
  EXPECT_DOUBLE_EQ(plateau.observe(0.6), 0.5);
  Plateau resumed(0.5, 1);
  resumed.load_state(plateau.state());
  for (const double score : {0.6, 0.6, 0.7, 0.1, 0.1, 0.1}) {
    EXPECT_DOUBLE_EQ(plateau.observe(score), resumed.observe(score));
  }
  EXPECT_LT(plateau.factor(), 0.5);
  EXPECT_THROW(Plateau(1.5, 1), Error);
}

}  // namespace
}  // namespace betimes::learn

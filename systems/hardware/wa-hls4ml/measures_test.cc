#include "systems/hardware/wa-hls4ml/measures.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/base/error.h"

namespace betimes::systems::wa_hls4ml {
namespace {

TEST(WaMeasures, AreWhatTheyAreWorkedOutByHand) {
  const std::vector<double> truth = {100, 200, 0, 400}, predicted = {110, 180, 0, 500};
  const Score found = score(predicted, truth);
  EXPECT_DOUBLE_EQ(found.mae, (10 + 20 + 0 + 100) / 4.0);
  EXPECT_DOUBLE_EQ(found.rmse, std::sqrt((100 + 400 + 0 + 10'000) / 4.0));
  // The mean is 175; squares of the distances from it are 5625, 625, 30625, 50625.
  EXPECT_DOUBLE_EQ(found.r2, 1 - 10'500.0 / 87'500.0);
  const double a = 2000.0 / 210, b = 4000.0 / 380, c = 20'000.0 / 900;
  EXPECT_NEAR(found.smape, (a + b + c) / 4, 1e-6);
  EXPECT_NEAR(found.median_smape, (a + b) / 2, 1e-6);
  EXPECT_DOUBLE_EQ(found.q25, -10) << "10, -10 and 25 percent; 0 has no relative error";
  EXPECT_DOUBLE_EQ(found.q50, 10);
  EXPECT_DOUBLE_EQ(found.q75, 25);
  EXPECT_EQ(found.samples, 4u);
}

TEST(WaMeasures, ZerosAreNoTrap) {
  const std::vector<double> zeros = {0, 0}, ones = {1, 1};
  EXPECT_EQ(score(zeros, zeros).smape, 0);
  EXPECT_EQ(score(zeros, zeros).r2, 1);
  EXPECT_NEAR(score(ones, zeros).smape, 200, 1e-5);
  EXPECT_TRUE(std::isinf(score(ones, zeros).r2));
  EXPECT_EQ(score(ones, zeros).q75, 0);
  EXPECT_THROW(score(ones, std::vector<double>{1}), Error);
  EXPECT_THROW(score({}, {}), Error);
}

TEST(WaMeasures, EachTargetIsItsOwn) {
  const std::vector<Costs> truth = {{1, 2, 3, 4, 5, 6}, {2, 3, 4, 5, 6, 7}};
  std::vector<Costs> predicted = truth;
  predicted[0][2] = 30;
  const Scores found = score_all(predicted, truth);
  for (size_t i = 0; i < targets; ++i) EXPECT_EQ(found[i].mae == 0, i != 2);
}

}  // namespace
}  // namespace betimes::systems::wa_hls4ml

#include "betimes/base/ranks.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/base/error.h"

namespace betimes {
namespace {

TEST(Spearman, IsThatOfWorkedExamples) {
  EXPECT_NEAR(spearman({1, 2, 3, 4}, {10, 20, 30, 400}), 1, 1e-12);
  EXPECT_NEAR(spearman({1, 2, 3, 4}, {4, 3, 2, 1}), -1, 1e-12);
  // Without ties: 1 - 6 sum d^2 / (n (n^2 - 1)), d = 1, 1, 1, 1, 0.
  EXPECT_NEAR(spearman({1, 2, 3, 4, 5}, {2, 1, 4, 3, 5}), 1 - 6.0 * 4 / (5 * 24), 1e-12);
  // Ties have their mean rank: ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3.
  EXPECT_NEAR(spearman({1, 2, 2, 3}, {1, 2, 3, 4}), 4.5 / std::sqrt(4.5 * 5), 1e-12);
  EXPECT_EQ(spearman({1, 1, 1}, {1, 2, 3}), 0);
  EXPECT_THROW(spearman({1}, {1}), Error);
  EXPECT_THROW(spearman({1, 2}, {1, 2, 3}), Error);
}

}  // namespace
}  // namespace betimes

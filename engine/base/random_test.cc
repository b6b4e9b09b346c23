#include "betimes/base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <vector>

namespace betimes {
namespace {

TEST(Random, SameSeedSameNumbers) {
  Random a(42), b(42), c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = a.bits();
    EXPECT_EQ(value, b.bits());
    differs |= value != c.bits();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, BelowIsUniform) {
  Random random(1);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 450);
  EXPECT_EQ(random.below(1), 0u);
}

TEST(Random, NormalHasItsMoments) {
  Random random(2);
  double sum = 0, squares = 0;
  constexpr int n = 100000;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / n, 0, 0.015);
  EXPECT_NEAR(squares / n, 1, 0.02);
}

TEST(Random, ShuffleReachesEveryOrderEquallyOften) {
  Random random(3);
  std::array<int, 6> counts{};
  for (int i = 0; i < 60000; ++i) {
    std::array<int, 3> v = {0, 1, 2};
    random.shuffle(std::span<int>(v));
    ++counts[static_cast<size_t>(v[0] * 2 + (v[1] > v[2]))];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10000, 450);
}

}  // namespace
}  // namespace betimes

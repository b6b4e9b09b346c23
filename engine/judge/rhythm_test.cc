#include "betimes/judge/rhythm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace betimes::judge {
namespace {

using Values = std::vector<double>;

Values wave(int points, double period) {
  Values values;
  for (int i = 0; i < points; ++i) values.push_back(std::sin(2 * std::numbers::pi * i / period));
  return values;
}

TEST(Rhythm, IsThePeriodOfTheSeries) {
  EXPECT_EQ(rhythm(wave(3000, 37)), 37);
  EXPECT_EQ(rhythm(wave(30'000, 150)), 150);
  Values late = wave(40'000, 37);  // only the first 20,000 points count
  for (size_t i = 20'000; i < late.size(); ++i) late[i] = std::sin(static_cast<double>(i));
  EXPECT_EQ(rhythm(late), 37);
}

TEST(Rhythm, IsAHundredWhereThereIsNone) {
  EXPECT_EQ(rhythm(Values(1000, 5.0)), 100);
  EXPECT_EQ(rhythm(Values{1, 2, 3}), 100);
  EXPECT_EQ(rhythm({}), 100);
  EXPECT_EQ(rhythm(wave(5000, 2000)), 100);  // no peak among the lags
  EXPECT_EQ(rhythm(wave(3000, 350)), 100);   // one beyond those that count
  EXPECT_EQ(rhythm(wave(3000, 5)),
            100);  // the peaks at 5 and 10 ... are too close to the first lag
}

}  // namespace
}  // namespace betimes::judge

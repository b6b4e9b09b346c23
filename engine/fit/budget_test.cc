#include "betimes/fit/budget.h"

#include <gtest/gtest.h>

#include <random>

#include "betimes/base/error.h"

namespace betimes::fit {
namespace {

TEST(Budget, ReadsWhatPeopleSay) {
  const Budget plain = parse_budget("5ms");
  ASSERT_EQ(plain.bounds.size(), 1u);
  EXPECT_EQ(plain.bounds[0].statistic, "p99");
  EXPECT_DOUBLE_EQ(plain.bounds[0].milliseconds, 5.0);

  const Budget two = parse_budget(" p50 < 800us , p99<=0.5 s");
  ASSERT_EQ(two.bounds.size(), 2u);
  EXPECT_EQ(two.bounds[0].statistic, "p50");
  EXPECT_DOUBLE_EQ(two.bounds[0].milliseconds, 0.8);
  EXPECT_DOUBLE_EQ(two.bounds[1].milliseconds, 500.0);
}

TEST(Budget, RefusesTheRestNamingIt) {
  for (const char* text : {"", "5", "ms", "-1ms", "0ms", "5min", "p98<=5ms", "p99>=5ms", "p99<=",
                           "5ms,", ",5ms", "nanms", "infms", "p99<=<=5ms", "5 ms x", "1e999ms"}) {
    try {
      parse_budget(text);
      FAIL() << "accepted '" << text << "'";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("budget '"), std::string::npos) << error.what();
    }
  }
}

TEST(Budget, SurvivesRandomText) {
  std::mt19937 random(3);
  const std::string alphabet = "p959mMuUs<=>.,0123 e-+";
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t i = random() % 14; i > 0; --i) text += alphabet[random() % alphabet.size()];
    try {
      for (const Bound& bound : parse_budget(text).bounds) EXPECT_GT(bound.milliseconds, 0);
    } catch (const Error&) {
    }
  }
}

TEST(Budget, PrintsAsItReads) {
  const Budget budget = parse_budget("p50<=0.25ms,p99<=4ms");
  EXPECT_EQ(to_string(budget), "p50<=0.25ms,p99<=4ms");
  EXPECT_EQ(to_string(parse_budget(to_string(budget))), to_string(budget));
}

TEST(Budget, Bytes) {
  EXPECT_EQ(parse_bytes("1500000"), 1500000u);
  EXPECT_EQ(parse_bytes("512KB"), 512000u);
  EXPECT_EQ(parse_bytes("4 MiB"), 4194304u);
  EXPECT_THROW(parse_bytes("4 parsecs"), Error);
  EXPECT_THROW(parse_bytes("-4MB"), Error);
  EXPECT_THROW(parse_bytes("1e30GB"), Error);
}

TEST(Budget, PressureIsTheWorstBound) {
  measure::Latency latency;
  latency.p50.value = 1.0;
  latency.p99.value = 6.0;
  EXPECT_DOUBLE_EQ(pressure(parse_budget("p50<=2ms,p99<=4ms"), latency), 1.5);
  EXPECT_FALSE(latency_met(parse_budget("p50<=2ms,p99<=4ms"), latency));
  EXPECT_TRUE(latency_met(parse_budget("6ms"), latency));
}

}  // namespace
}  // namespace betimes::fit

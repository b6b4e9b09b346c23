#include "systems/search/mnasnet/tokens.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/search/mnasnet/testing.h"

namespace betimes::systems::mnasnet {
namespace {

TEST(Reward, IsTheEquationOfThePaper) {
  // a (1 + 5 %) (2 l / T)^b = a (l / T)^b has its solution near b = -0.07.
  const Reward soft = Reward::soft(75);
  EXPECT_NEAR(soft(0.5 * 1.05, 150), soft(0.5, 75), 0.0005);
  EXPECT_NEAR(soft(0.7, 20), 0.7 * std::pow(20.0 / 75, -0.07), 1e-15);
  const Reward hard = Reward::hard(75);
  EXPECT_DOUBLE_EQ(hard(0.7, 20), 0.7);
  EXPECT_DOUBLE_EQ(hard(0.7, 75), 0.7);
  EXPECT_DOUBLE_EQ(hard(0.7, 150), 0.35);
}

TEST(Reward, RefusesWhatIsNoAccuracyOrLatency) {
  const Reward reward = Reward::soft(10);
  const double none = std::numeric_limits<double>::quiet_NaN();
  for (const double accuracy : {0.0, -0.1, 1.01, none}) EXPECT_THROW(reward(accuracy, 1), Error);
  for (const double ms : {0.0, -1.0, none, std::numeric_limits<double>::infinity()}) {
    EXPECT_THROW(reward(0.5, ms), Error);
  }
  EXPECT_THROW(Reward::soft(0)(0.5, 1), Error);
}

Judged judged(const Tokens& tokens) {
  const double a = tokens[0], b = tokens[1], c = tokens[2];
  return {0.1 + 0.2 * a + 0.05 * c * (b + 1) / 2, 1 + 3 * a + c + 2 * b, 10};
}

std::vector<Trial> every_trial() {
  std::vector<Trial> all;
  for (int a = 0; a < 3; ++a) {
    for (int b = 0; b < 2; ++b) {
      for (int c = 0; c < 4; ++c) {
        if (a == 2 && c % 2 == 1) continue;
        all.push_back({{a, b, c}, judged({a, b, c}), 0});
      }
    }
  }
  return all;
}

TEST(TokenSpace, ChecksWhatIsWritten) {
  const TokenSpace space = small_space();
  EXPECT_NO_THROW(space.check({2, 1, 2}));
  EXPECT_THROW(space.check({2, 1, 3}), Error);
  EXPECT_THROW(space.check({3, 1, 2}), Error);
  EXPECT_THROW(space.check({-1, 1, 2}), Error);
  EXPECT_THROW(space.check({2, 1}), Error);
  EXPECT_EQ(space.most_alternatives(), 4);
}

TEST(TokenSpace, AsKnobsHasTheSameNetworks) {
  const TokenSpace space = small_space();
  std::set<Tokens> found;
  for (const fit::Setting& setting : knob_space(space).enumerate()) {
    EXPECT_TRUE(found.insert(tokens_of(space, setting)).second);
  }
  EXPECT_EQ(found.size(), every_trial().size());
  for (const Trial& trial : every_trial()) EXPECT_TRUE(found.contains(trial.tokens));
}

TEST(BaselineSearch, FindsTheBestOfASpaceThatItExhausts) {
  const std::vector<Trial> all = every_trial();
  for (const double ms : {2.0, 5.0, 9.0, 40.0}) {
    for (const char* name : {"random", "evolution:population=6,tournament=3"}) {
      const auto trials = baseline_search(small_space(), judged, {name, 100, 3, ms});
      EXPECT_EQ(trials.size(), all.size()) << name;
      EXPECT_DOUBLE_EQ(best_accuracy_within(trials, ms), best_accuracy_within(all, ms));
    }
  }
  EXPECT_EQ(best_accuracy_within(all, 0.5), 0);
  EXPECT_EQ(best_within(all, 0.5), nullptr);
}

TEST(CachedJudge, EvaluatesOnce) {
  int calls = 0;
  CachedJudge cached([&](const Tokens& tokens) {
    ++calls;
    return judged(tokens);
  });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(cached({1, 0, 2}).ms, judged({1, 0, 2}).ms);
  EXPECT_EQ(calls, 1);
  cached({1, 0, 3});
  EXPECT_EQ(cached.evaluations(), 2u);
}

TEST(Hypervolume, IsTheShareOfPointsThatTheFrontBeats) {
  const std::vector<Trial> all = every_trial();
  const double area = hypervolume(all, 0.1, 12);
  Random random(5);
  constexpr int draws = 100'000;
  int beaten = 0;
  for (int i = 0; i < draws; ++i) {
    const double accuracy = random.uniform(0.1, 1), ms = random.uniform(0, 12);
    beaten += std::any_of(all.begin(), all.end(), [&](const Trial& trial) {
      return trial.found.accuracy >= accuracy && trial.found.ms <= ms;
    });
  }
  EXPECT_NEAR(area, 0.9 * 12 * beaten / draws, 0.05);
}

TEST(LogLatencySpread, IsTheDeviationOfLogarithms) {
  std::vector<Trial> trials;
  for (const double ms : {100.0, 1.0, std::exp(2.0)}) trials.push_back({{}, {0.5, ms, 1}, 0});
  EXPECT_NEAR(log_latency_spread(trials, 1), std::sqrt(2.0), 1e-12);
}

}  // namespace
}  // namespace betimes::systems::mnasnet

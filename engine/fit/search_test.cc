#include "betimes/fit/search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "betimes/base/error.h"
#include "betimes/fit/frontier.h"

namespace betimes::fit {
namespace {

int64_t whole(const Setting& setting, const std::string& name) {
  return std::get<int64_t>(setting.at(name));
}

/// A network's shape: 6 * 5 * 4 * 3 * 2 = 720 settings, of which a constraint forbids some.
KnobSpace network_space() {
  KnobSpace space;
  space.add({"depth", Integers{1, 6}, int64_t{6}, ""});
  space.add({"width", Integers{16, 80, 16}, int64_t{80}, ""});
  space.add({"heads", Integers{1, 4}, int64_t{4}, ""});
  space.add({"precision",
             Categories{{std::string("fp32"), std::string("bf16"), std::string("int8")}},
             std::string("fp32"), ""});
  space.add({"cache", flag(), false, ""});
  space.require("heads <= depth + 1",
                [](const Setting& s) { return whole(s, "heads") <= whole(s, "depth") + 1; });
  return space;
}

/// Diminishing returns, latency by work, knobs that interact: nothing a sum would get right.
Outcome network(const Setting& s) {
  const auto depth = double(whole(s, "depth"));
  const double width = double(whole(s, "width")) / 80;
  const auto heads = double(whole(s, "heads"));
  const std::string precision = std::get<std::string>(s.at("precision"));
  const double speed = precision == "fp32" ? 1 : precision == "bf16" ? 0.6 : 0.35;
  const double loss = precision == "fp32" ? 0 : precision == "bf16" ? 0.004 : 0.03 / depth;
  const bool cache = std::get<bool>(s.at("cache"));
  const double quality = 0.95 - 0.4 * std::exp(-0.5 * depth * std::sqrt(width)) -
                         0.05 / heads * width - loss - (cache ? 0.01 : 0);
  const double ms =
      (0.3 + depth * width * width * speed + 0.08 * heads * width) * (cache ? 0.7 : 1);
  return {quality, ms, {}};
}

/// Sums of what each of eight knobs does.
KnobSpace separable_space() {
  KnobSpace space;
  for (int i = 0; i < 8; ++i) {
    space.add({"layer" + std::to_string(i),
               Categories{{std::string("fp32"), std::string("bf16"), std::string("int8")}},
               std::string("fp32"), ""});
  }
  return space;
}

Outcome separable(const Setting& setting) {
  Outcome sum{0.9, 8, {}};
  int i = 0;
  for (const auto& [name, value] : setting) {
    const std::string& precision = std::get<std::string>(value);
    const double gain = 0.3 + 0.07 * ((i * 5) % 8);
    const double loss = 0.001 * double(1 + (i * 3) % 8);
    if (precision == "bf16") sum = {sum.quality - 0.3 * loss, sum.latency_ms - 0.5 * gain, {}};
    if (precision == "int8") sum = {sum.quality - loss, sum.latency_ms - gain, {}};
    ++i;
  }
  return sum;
}

using World = Outcome (*)(const Setting&);

/// Asks, evaluates and tells until `evaluations` are done or the search proposes nothing.
Ledger play(Search& search, const KnobSpace& space, World world, size_t evaluations,
            size_t stop_after = 1'000'000) {
  Ledger ledger(space, "test", 0);
  for (int64_t round = 0; ledger.size() < std::min(evaluations, stop_after); ++round) {
    const int count = int(std::min<size_t>(size_t(search.batch()), evaluations - ledger.size()));
    const std::vector<Setting> proposed = search.propose(ledger, count);
    EXPECT_LE(proposed.size(), size_t(count));
    if (proposed.empty()) break;
    for (const Setting& setting : proposed) {
      EXPECT_EQ(ledger.find(setting), nullptr) << "proposed twice: " << to_string(setting);
      ledger.append(
          {setting, world(setting), "", 0, round});  // throws where a constraint is broken
    }
  }
  return ledger;
}

double best_score(const Ledger& ledger, const Objective& objective) {
  const Entry* found = best(ledger, objective);
  return found ? objective(*found) : -1;
}

Objective under(const std::string& budget) { return Objective::under(parse_budget(budget)); }

const std::vector<std::string> kinds_that_explore = {"exhaustive", "random", "evolution",
                                                     "reinforce",  "ppo",    "bayesian"};

TEST(Search, ExhaustiveFindsTheOptimum) {
  const KnobSpace space = network_space();
  const Objective objective = under("1.5ms");
  double optimum = -1;
  for (const Setting& setting : space.enumerate()) {
    const Outcome outcome = network(setting);
    if (outcome.latency_ms <= 1.5) optimum = std::max(optimum, outcome.quality);
  }
  const auto search = make_search("exhaustive", space, objective, 1);
  const Ledger ledger = play(*search, space, network, 10'000);
  EXPECT_EQ(ledger.size(), space.enumerate().size());
  EXPECT_EQ(best_score(ledger, objective), optimum);
}

class Kinds : public ::testing::TestWithParam<std::string> {};

/// A space with a constraint, small enough to be exhausted.
KnobSpace tiny_space() {
  KnobSpace space;
  space.add({"a", Integers{0, 4}, int64_t{0}, ""}).add({"b", Integers{0, 4}, int64_t{0}, ""});
  space.require("a + b is even",
                [](const Setting& s) { return (whole(s, "a") + whole(s, "b")) % 2 == 0; });
  return space;
}

Outcome tiny(const Setting& s) {
  return {double(whole(s, "a")) / 8 + double(whole(s, "b")) / 16, double(whole(s, "a")), {}};
}

TEST_P(Kinds, ExhaustsASpaceWithoutProposingTwice) {
  const KnobSpace space = tiny_space();
  const auto search = make_search(GetParam(), space, under("2ms"), 3);
  const Ledger ledger = play(*search, space, tiny, 1000);
  EXPECT_EQ(ledger.size(), 13u);
  EXPECT_TRUE(search->propose(ledger, 4).empty());
}

TEST_P(Kinds, GoesOnFromALedgerAsIfItHadNeverStopped) {
  const KnobSpace space = network_space();
  const Objective objective = under("1.5ms");
  const auto whole_way = make_search(GetParam(), space, objective, 5);
  const Ledger uninterrupted = play(*whole_way, space, network, 64);
  for (const size_t stop : {16u, 32u, 48u}) {
    Ledger ledger = uninterrupted.head(stop);
    const auto another = make_search(GetParam(), space, objective, 5);
    while (ledger.size() < 64) {
      const auto proposed = another->propose(ledger, another->batch());
      ASSERT_FALSE(proposed.empty());
      const int64_t round = ledger.entries().back().round + 1;
      for (const Setting& setting : proposed) {
        ASSERT_EQ(setting, uninterrupted.entries()[ledger.size()].setting);
        ledger.append({setting, network(setting), "", 0, round});
      }
    }
  }
}

TEST_P(Kinds, IsDeterministicForASeedAndDiffersBetweenSeeds) {
  const KnobSpace space = network_space();
  const Objective objective = under("1.5ms");
  std::set<std::string> runs;
  for (const uint64_t seed : {1u, 1u, 2u}) {
    const auto search = make_search(GetParam(), space, objective, seed);
    std::string run;
    const Ledger ledger = play(*search, space, network, 40);
    for (const Entry& entry : ledger.entries()) {
      run += to_string(entry.setting) + "\n";
    }
    runs.insert(run);
  }
  EXPECT_EQ(runs.size(), GetParam() == "exhaustive" ? 1u : 2u);
}

TEST_P(Kinds, LivesWithFailures) {
  const KnobSpace space = tiny_space();
  const auto search = make_search(GetParam(), space, under("2ms"), 3);
  Ledger ledger(space, "test", 0);
  for (int64_t round = 0; round < 40; ++round) {
    for (const Setting& setting : search->propose(ledger, search->batch())) {
      Entry entry{setting, std::nullopt, "broken", 0, round};
      if (round > 2 && whole(setting, "a") != 2) entry.found = tiny(setting);
      ledger.append(entry);
    }
  }
  EXPECT_EQ(ledger.size(), 13u);
}

TEST_P(Kinds, WorksOnRealKnobs) {
  if (GetParam() == "exhaustive") {
    const KnobSpace reals = KnobSpace().add({"x", Reals{0, 1}, 0.5, ""});
    EXPECT_THROW(make_search("exhaustive", reals, under("1ms"), 1), Error);
    return;
  }
  KnobSpace space;
  space.add({"x", Reals{0, 1}, 0.5, ""}).add({"y", Reals{0.01, 100, true}, 1.0, ""});
  space.require("x <= y", [](const Setting& s) {
    return std::get<double>(s.at("x")) <= std::get<double>(s.at("y"));
  });
  const auto world = [](const Setting& s) {
    const double x = std::get<double>(s.at("x"));
    return Outcome{1 - (x - 0.7) * (x - 0.7), std::get<double>(s.at("y")), {}};
  };
  const auto search = make_search(GetParam(), space, under("10ms"), 3);
  EXPECT_EQ(play(*search, space, +world, 60).size(), 60u);
}

INSTANTIATE_TEST_SUITE_P(All, Kinds, ::testing::ValuesIn(kinds_that_explore),
                         [](const auto& kind) { return kind.param; });

/// Means over seeds of the best score after `evaluations`.
double mean_best(const std::string& kind, const KnobSpace& space, World world,
                 const Objective& objective, size_t evaluations) {
  constexpr int seeds = 12;
  double sum = 0;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const auto search = make_search(kind, space, objective, seed);
    sum += best_score(play(*search, space, world, evaluations), objective) / seeds;
  }
  return sum;
}

class Learners : public ::testing::TestWithParam<std::string> {};

/// Policies need a few rounds to learn; the processes use each evaluation, and are dear themselves.
size_t enough_for(const std::string& kind) { return kind == "bayesian" ? 32 : 128; }

TEST_P(Learners, BeatRandomAtEqualEvaluations) {
  const size_t evaluations = enough_for(GetParam());
  for (const Objective& objective : {under("1.5ms"), Objective::weighted(1.5, -0.07, -0.3)}) {
    EXPECT_GT(mean_best(GetParam(), network_space(), network, objective, evaluations),
              mean_best("random", network_space(), network, objective, evaluations))
        << objective.name();
  }
  const Objective of_sums = under("5ms");
  EXPECT_GT(mean_best(GetParam(), separable_space(), separable, of_sums, evaluations),
            mean_best("random", separable_space(), separable, of_sums, evaluations));
}

INSTANTIATE_TEST_SUITE_P(All, Learners,
                         ::testing::Values("evolution", "reinforce", "ppo", "bayesian"),
                         [](const auto& kind) { return kind.param; });

TEST(Search, KnapsackFindsTheOptimumOfSums) {
  const KnobSpace space = separable_space();
  for (const std::string budget : {"7.5ms", "6ms", "5ms", "4.2ms"}) {
    const Objective objective = under(budget);
    double optimum = -1;
    for (const Setting& setting : space.enumerate()) {
      const Outcome outcome = separable(setting);
      if (pressure(objective.budget(), outcome) <= 1) optimum = std::max(optimum, outcome.quality);
    }
    const auto search = make_search("knapsack", space, objective, 1);
    // 1 + 8 * 2 alone, then the first guess or the second.
    const Ledger ledger = play(*search, space, separable, 19);
    EXPECT_NEAR(best_score(ledger, objective), optimum, 1e-4) << budget;
  }
}

TEST(Search, KnapsackCorrectsSumsThatAreWrong) {
  // Everything together costs a tenth more than the sums say.
  const auto world = [](const Setting& setting) {
    Outcome outcome = separable(setting);
    int lowered = 0;
    for (const auto& [name, value] : setting) lowered += std::get<std::string>(value) != "fp32";
    if (lowered > 1) outcome.latency_ms *= 1.1;
    return outcome;
  };
  const KnobSpace space = separable_space();
  const Objective objective = under("6ms");
  const auto search = make_search("knapsack", space, objective, 1);
  const Ledger ledger = play(*search, space, +world, 23);
  EXPECT_TRUE(objective.holds(*best(ledger, objective)));
  EXPECT_FALSE(objective.holds(ledger.entries()[17]));  // the first guess by sums alone
  EXPECT_GT(best_score(ledger, objective), mean_best("random", space, +world, objective, 23));
}

TEST(Search, KnapsackKeepsConstraintsAndEnds) {
  const KnobSpace space = network_space();
  const auto search = make_search("knapsack", space, under("1.5ms"), 1);
  const Ledger ledger = play(*search, space, network, 1000);
  EXPECT_LT(ledger.size(), 200u);
  EXPECT_TRUE(search->propose(ledger, 1).empty());
}

TEST(Search, BisectionFindsTheLastThatHolds) {
  for (const int64_t size : {1, 2, 3, 10, 100, 1000}) {
    KnobSpace space;
    space.add({"depth", Integers{1, size}, int64_t{1}, ""}).add({"cache", flag(), true, ""});
    const auto world = [](const Setting& s) {
      return Outcome{1 - 1 / double(whole(s, "depth")), double(whole(s, "depth")), {}};
    };
    for (const int64_t limit : {int64_t{0}, int64_t{1}, size / 3, size - 1, size, size + 1}) {
      if (limit < 1) continue;
      for (const int at_once : {1, 3}) {
        const Objective objective = under(std::to_string(limit) + "ms");
        const auto search = make_search("bisection", space, objective, 1);
        Ledger ledger(space, "test", 0);
        int64_t round = 0;
        for (;; ++round) {
          const auto proposed = search->propose(ledger, at_once);
          if (proposed.empty()) break;
          for (const Setting& each : proposed) ledger.append({each, world(each), "", 0, round});
        }
        const Entry* found = best(ledger, objective);
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(whole(found->setting, "depth"), std::min(limit, size));
        EXPECT_LE(double(round),
                  std::ceil(std::log(double(size) + 1) / std::log(at_once + 1.0)) + 1);
      }
    }
  }
}

TEST(Search, BisectionOverFlagsCountsHowManyHold) {
  KnobSpace space;
  for (int i = 0; i < 12; ++i) space.add({"skip/" + std::to_string(i), flag(), i == 3, ""});
  space.add({"depth", Integers{1, 4}, int64_t{2}, ""});
  const auto world = [](const Setting& s) {
    double skipped = 0;
    for (const auto& [name, value] : s) skipped += value == Value(true);
    return Outcome{1 - 0.05 * skipped, 12 - skipped, {}};
  };
  Budget budget;
  budget.quality_floor = 0.76;  // four may be skipped
  const Objective objective = Objective::under(budget);
  const auto search = make_search("bisection:flags=skip/", space, objective, 1);
  const Ledger ledger = play(*search, space, +world, 100);
  EXPECT_LE(ledger.size(), 4u);
  double fastest = 99;
  for (const Entry& entry : ledger.entries()) {
    if (objective.holds(entry)) fastest = std::min(fastest, entry.found->latency_ms);
  }
  EXPECT_EQ(fastest, 8);
}

TEST(Search, NamesAndParametersAreChecked) {
  const KnobSpace space = network_space();
  const Objective objective = under("1ms");
  for (const std::string name :
       {"", "best", "evolution:", "evolution:population=3", "ppo:clip=0.1,epochs=2",
        "bisection:knob=depth", "knapsack:levels=4", "bayesian:initial=3,batch=2"}) {
    if (name.empty() || name == "best") {
      EXPECT_THROW(make_search(name, space, objective, 1), Error) << name;
    } else {
      EXPECT_NE(make_search(name, space, objective, 1), nullptr) << name;
    }
  }
  for (const std::string name :
       {"evolution:size=3", "evolution:population", "evolution:population=x",
        "evolution:population=0", "evolution:population=3,population=3", "evolution:=3",
        "random:seed=1", "bisection", "bisection:knob=cache", "bisection:knob=none",
        "bisection:flags=none", "bisection:knob=depth,flags=c", "ppo:clip=2", "ppo:rate=nan"}) {
    EXPECT_THROW(make_search(name, space, objective, 1), Error) << name;
  }
  for (const SearchKind& kind : search_kinds()) {
    EXPECT_FALSE(kind.summary.empty());
    if (kind.name != "bisection") {
      const std::string full =
          kind.parameters.empty() ? kind.name : kind.name + ":" + kind.parameters;
      EXPECT_NE(make_search(full, space, objective, 1), nullptr) << full;
    }
  }
}

}  // namespace
}  // namespace betimes::fit

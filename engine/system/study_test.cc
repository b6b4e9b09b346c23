#include "betimes/system/study.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "betimes/base/error.h"

namespace betimes::system {
namespace {

System example() {
  System system;
  system.slug = "example";
  system.claims = {{"a", "A.", "1", "how", Direction::at_least, 1, "", true},
                   {"b", "B.", "2", "how", Direction::at_most, 2, "", false}};
  return system;
}

TEST(Scores, MeanHasStudentsInterval) {
  Scores scores;
  for (const double value : {1.0, 2.0, 3.0}) scores.add("m", "v", value);
  const Estimate found = scores.mean("m", "v");
  EXPECT_DOUBLE_EQ(found.value, 2);
  EXPECT_EQ(found.samples, 3);
  // t(0.975, 2) = 4.302653, and the standard deviation is 1.
  EXPECT_NEAR(found.interval->high - 2, 4.302653 / std::sqrt(3.0), 1e-5);
  EXPECT_NEAR(2 - found.interval->low, 4.302653 / std::sqrt(3.0), 1e-5);
}

TEST(Scores, OneSeedHasNoInterval) {
  Scores scores;
  scores.add("m", "v", 1);
  EXPECT_FALSE(scores.mean("m", "v").interval);
}

TEST(Scores, DifferencesArePairedBySeed) {
  Scores scores;
  const double noise[] = {10, -20, 5, 40};
  for (const double n : noise) {
    scores.add("m", "base", n);
    scores.add("m", "better", n + 1);
  }
  const Estimate found = scores.difference("m", "better", "base");
  EXPECT_DOUBLE_EQ(found.value, 1);
  EXPECT_NEAR(found.interval->low, 1, 1e-9);
  EXPECT_NEAR(found.interval->high, 1, 1e-9);
}

TEST(Scores, RatiosAreGeometric) {
  Scores scores;
  for (const double base : {1.0, 100.0}) scores.add("ms", "base", base);
  scores.add("ms", "new", 4);
  scores.add("ms", "new", 100);
  EXPECT_NEAR(scores.ratio("ms", "new", "base").value, 2, 1e-12);
  scores.add("ms", "zero", 0);
  scores.add("ms", "zero", 1);
  EXPECT_THROW(scores.ratio("ms", "zero", "base"), std::logic_error);
}

TEST(Scores, WhatWasNeverMeasuredIsOurMistake) {
  Scores scores;
  scores.add("m", "v", 1);
  EXPECT_THROW(scores.of("m", "w"), std::logic_error);
  scores.add("m", "w", 1);
  scores.add("m", "w", 2);
  EXPECT_THROW(scores.difference("m", "v", "w"), std::logic_error);
}

TEST(Study, EveryVariantRunsOnceASeedAndValuesKeepTheirSeed) {
  const System system = example();
  Study study(system, {});
  std::vector<std::pair<std::string, uint64_t>> calls;
  const auto variant = [&](const std::string& name, double factor) {
    return Variant{
        name, [&calls, name, factor](uint64_t seed) {
          calls.emplace_back(name, seed);
          return std::map<std::string, double>{{"m", factor * static_cast<double>(seed)}};
        }};
  };
  const Scores scores = study.run({variant("x", 1), variant("y", 2)}, study.seeds(3));
  EXPECT_EQ(calls.size(), 6u);
  for (size_t i = 0; i < calls.size(); i += 2) EXPECT_EQ(calls[i].second, calls[i + 1].second);
  EXPECT_EQ(scores.of("m", "x"), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(scores.of("m", "y"), (std::vector<double>{2, 4, 6}));
  const Table table = scores.table("T");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"variant", "m"}));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(std::get<std::string>(table.rows[0][0]), "x");
}

TEST(Study, TheUserSaysHowManySeeds) {
  const System system = example();
  ReproduceOptions options;
  options.seed = 5;
  options.seeds = 2;
  Study study(system, options);
  EXPECT_EQ(study.seeds(7), (std::vector<uint64_t>{5, 6}));
}

TEST(Study, FindingsComeInTheOrderOfTheClaims) {
  const System system = example();
  Study study(system, {});
  study.not_shown("b", "no such device");
  study.evidence("a", {3, {}, 1, ""});
  const Reproduction found = study.finish();
  ASSERT_EQ(found.findings.size(), 2u);
  EXPECT_EQ(found.findings[0].claim.id, "a");
  EXPECT_EQ(found.findings[0].verdict, Verdict::reproduced);
  EXPECT_EQ(found.findings[1].verdict, Verdict::not_shown);
  EXPECT_EQ(found.findings[1].found.note, "no such device");
}

TEST(Study, AClaimWithoutEvidenceIsOurMistake) {
  const System system = example();
  Study full(system, {});
  full.evidence("a", {1, {}, 1, ""});
  EXPECT_THROW(full.finish(), std::logic_error);
  ReproduceOptions options;
  options.quick = true;
  Study quick(system, options);
  EXPECT_THROW(quick.finish(), std::logic_error);
  quick.evidence("a", {1, {}, 1, ""});
  EXPECT_EQ(quick.finish().findings.size(), 1u);  // b can't be shown quickly
  Study twice(system, {});
  twice.evidence("a", {1, {}, 1, ""});
  EXPECT_THROW(twice.evidence("a", {1, {}, 1, ""}), std::logic_error);
  EXPECT_THROW(twice.evidence("c", {1, {}, 1, ""}), std::logic_error);
}

TEST(System, AnUnknownNameIsToldTheKnownOnes) {
  try {
    find({example()}, "exmaple");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "exmaple: is no system here (expected example)");
  }
}

}  // namespace
}  // namespace betimes::system

#include "systems/series/pate/pate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/import/series.h"
#include "systems/series/pate/missed.h"
#include "systems/series/pate/naive.h"
#include "systems/series/pate/random_case.h"
#include "systems/series/pate/scenarios.h"

namespace betimes::systems::pate {
namespace {

using Labels = std::vector<uint8_t>;
using Values = std::vector<double>;

TEST(Pate, IncrementalIsWhatTheDefinitionGives) {
  Random random(11);
  for (int i = 0; i < 1000; ++i) {
    const Case c = random_case(random);
    const Scorer scorer(c.labels, c.options);
    ASSERT_NEAR(scorer.area(c.scores), naive_area(c.labels, c.scores, c.options), 1e-9) << i;
    ASSERT_NEAR(scorer.f1(c.alarms), naive_f1(c.labels, c.alarms, c.options), 1e-9) << i;
  }
}

TEST(Pate, BestF1IsTheBestOfAllThresholds) {
  Random random(12);
  for (int i = 0; i < 300; ++i) {
    const Case e = random_case(random);
    const double lowest = std::ranges::min(e.scores);
    const bool constant = lowest == std::ranges::max(e.scores);
    double best = 0;
    for (const double threshold : e.scores) {
      if (threshold == lowest && !constant) continue;
      Labels alarms;
      for (const double s : e.scores) alarms.push_back(s >= threshold);
      best = std::max(best, naive_f1(e.labels, alarms, e.options));
    }
    ASSERT_NEAR(Scorer(e.labels, e.options).best_f1(e.scores), best, 1e-9) << i;
  }
}

TEST(Pate, GoldenTable) {
  Options options;
  options.early = options.late = 20;
  options.zero = false;
  for (const Scenario& s : scenarios()) {
    const Scorer scorer(s.labels, options);
    EXPECT_NEAR(scorer.f1(s.alarms), s.golden_f1, 5e-5) << s.name;
    EXPECT_NEAR(scorer.area(Values(s.alarms.begin(), s.alarms.end())), s.golden_area, 5e-5)
        << s.name;
  }
}

/// Weights of missed points by the sums of the definition, for runs of alarms that grow, merge, and
/// come before the present first one.
TEST(Pate, MissedPointsWeighWhatTheSumsSay) {
  const judge::Stretch interval{3, 14};
  Random random(5);
  for (int round = 0; round < 200; ++round) {
    Missed missed(std::vector{interval}, 20);
    EXPECT_DOUBLE_EQ(missed.weight(), 12);
    std::vector<int64_t> order;
    for (int64_t x = 3; x <= 14; ++x) order.push_back(x);
    random.shuffle(std::span(order));
    std::vector<bool> hit(20);
    for (const int64_t x : order) {
      missed.hit(0, x);
      hit[static_cast<size_t>(x)] = true;
      int64_t first = 3;
      while (!hit[static_cast<size_t>(first)]) ++first;
      int64_t run = 0;
      while (first + run <= 14 && hit[static_cast<size_t>(first + run)]) ++run;
      double expected = 0;
      for (int64_t y = 3; y <= 14; ++y) {
        if (hit[static_cast<size_t>(y)]) continue;
        double sum = 0;
        for (int64_t u = 3; u <= 3 + run; ++u) sum += static_cast<double>(std::abs(y - u));
        expected += y <= 3 + run ? 1 : 1 - sum / 66.0;  // 0 + 1 + ... + 11
      }
      ASSERT_NEAR(missed.weight(), expected, 1e-9);
    }
    EXPECT_NEAR(missed.weight(), 0, 1e-9);
  }
}

TEST(Pate, BuffersAreEvenlySpacedAndWhole) {
  Options options;
  options.splits = 3;
  EXPECT_EQ(buffers(20, options), (std::vector<int64_t>{0, 6, 13, 20}));
  options.zero = false;
  EXPECT_EQ(buffers(20, options), (std::vector<int64_t>{6, 13, 20}));
}

TEST(Pate, BuffersOfNeighboursDoNotOverlap) {
  const std::vector<judge::Stretch> intervals = {{2, 3}, {6, 6}, {12, 13}};
  const Zones zones = make_zones(intervals, 16, 4, 4);
  std::string drawn;
  for (const Zone zone : zones.zone) drawn += "-<#>"[static_cast<int>(zone)];
  EXPECT_EQ(drawn, "<<##>>#>>>><##>>");
  EXPECT_EQ(zones.owner, (std::vector<uint32_t>{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2}));
  EXPECT_DOUBLE_EQ(zones.weight[0], 0);              // the farthest point of a buffer
  EXPECT_DOUBLE_EQ(zones.weight[1], 1 - 1.5 / 2.5);  // distances to the middle at 2.5
  EXPECT_DOUBLE_EQ(zones.weight[11], 0);
}

TEST(Pate, ALateAlarmCountsAndAnEarlyOneNeedsAHit) {
  Labels labels(100);
  for (size_t i = 50; i < 60; ++i) labels[i] = 1;
  Options options;
  options.early = options.late = 20;
  options.zero = false;
  const Scorer scorer(labels, options);
  Labels late(100), early(100);
  late[62] = early[47] = 1;
  EXPECT_GT(scorer.f1(late), 0);
  EXPECT_EQ(scorer.f1(early), 0);
  late[50] = early[50] = 1;
  EXPECT_GT(scorer.f1(early), scorer.f1(Labels(100)));
  EXPECT_EQ(scorer.f1(Labels(100)), 0);
}

TEST(Pate, IsOneForAPerfectDetectorAndWhereEverythingIsAnomalous) {
  const Labels labels = {0, 1, 1, 0, 0, 0, 1};
  EXPECT_DOUBLE_EQ(Scorer(labels, {}).area(Values(labels.begin(), labels.end())), 1);
  EXPECT_DOUBLE_EQ(Scorer(labels, {}).f1(labels), 1);
  EXPECT_DOUBLE_EQ(Scorer(Labels{1, 1, 1}, {}).f1(Labels{1, 1, 1}), 1);
}

TEST(Pate, RefusesWhatHasNoAnswer) {
  const auto refusal = [](const Labels& labels, const Values& scores, const Options& options) {
    try {
      Scorer(labels, options).area(scores);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const auto with = [](auto change) {
    Options options;
    change(options);
    return options;
  };
  EXPECT_NE(refusal({0, 0}, {1, 2}, {}).find("no anomaly"), std::string::npos);
  EXPECT_NE(refusal({0, 1}, {1}, {}).find("scores: are 1"), std::string::npos);
  EXPECT_NE(refusal({0, 1}, {1, NAN}, {}).find("point 1"), std::string::npos);
  EXPECT_NE(refusal({0, 1}, {1, 2}, with([](Options& o) { o.early = -1; })).find("buffers"),
            std::string::npos);
  EXPECT_NE(refusal({0, 1}, {1, 2}, with([](Options& o) { o.splits = 0; })).find("splits"),
            std::string::npos);
  EXPECT_NE(refusal({0, 1}, {1, 2}, with([](Options& o) { o.thresholds = 1; })).find("thresholds"),
            std::string::npos);
}

std::filesystem::path shared_folder() {
  if (const char* given = std::getenv("BETIMES_SHARED")) return given;
  return std::filesystem::path(BETIMES_SOURCE_DIR) / ".." / "shared";
}

/// What the public implementation gives for detectors' results on NAB.
TEST(Pate, AgreesWithThePublicImplementation) {
  const std::filesystem::path folder = shared_folder() / "data" / "pate-reference";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no reference values at " << folder;
  std::ifstream file(folder / "expected.json");
  const nlohmann::json cases = nlohmann::json::parse(file);
  ASSERT_GE(cases.size(), 6u);
  for (const auto& expected : cases) {
    const std::string name = expected.at("case");
    const import::SeriesTable table = import::read_series((folder / name).string());
    const Labels labels = import::labels_from(table, table.rows(), {});
    const Values& scores = import::finite_column(table, table.find("score").value());
    Labels alarms;
    const double threshold = expected.at("binary_threshold");
    const bool above = expected.at("binary_rule") == "score > min(score)";
    for (const double s : scores) alarms.push_back(above ? s > threshold : s >= threshold);
    for (const auto& setting : expected.at("pate")) {
      Options options;
      options.early = setting.at("e_buffer");
      options.late = setting.at("d_buffer");
      options.splits = setting.at("num_splits_MaxBuffer");
      options.zero = setting.at("include_zero");
      if (setting.at("Big_Data").get<bool>()) {
        options.thresholds = setting.at("num_desired_thresholds");
      }
      const Scorer scorer(labels, options);
      EXPECT_NEAR(scorer.area(scores), setting.at("PATE").get<double>(), 1e-9)
          << name << " " << setting;
      EXPECT_NEAR(scorer.f1(alarms), setting.at("PATE_F1").get<double>(), 1e-9)
          << name << " " << setting;
    }
  }
}

TEST(Pate, MetricsHaveThePublicDefaults) {
  Random random(3);
  const Case e = random_case(random);
  const auto all = metrics();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]->name(), "pate");
  EXPECT_DOUBLE_EQ(all[0]->score(e.labels, e.scores, {}), Scorer(e.labels, {}).area(e.scores));
  EXPECT_EQ(all[1]->name(), "pate-f1");
  EXPECT_DOUBLE_EQ(all[1]->score(e.labels, e.scores, {}), Scorer(e.labels, {}).best_f1(e.scores));
}

}  // namespace
}  // namespace betimes::systems::pate

#include "betimes/report/judged.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace betimes::report {
namespace {

Judged example() {
  Judged judged;
  judged.series = "load.csv";
  judged.points = 200;
  judged.intervals = 2;
  judged.anomalous_points = 25;
  judged.early = 10;
  judged.late = 20;
  judged.metrics = {{"pate", "near alarms"}, {"roc-auc", "pairs in order"}};
  judged.detectors = {{"low", "", {0.25, std::nullopt}},
                      {"none", "a.csv", {std::nullopt, 0.5}},
                      {"high", "b.csv", {0.75, 0.5}},
                      {"same", "", {0.75, 0.1}}};
  rank(judged.detectors);
  return judged;
}

TEST(Judged, RanksByTheFirstMetric) {
  std::string order;
  for (const JudgedDetector& detector : example().detectors) order += detector.name + " ";
  EXPECT_EQ(order, "high same low none ");
}

TEST(Judged, JsonTellsWhatIsUnknown) {
  const auto object = nlohmann::json::parse(render_json(example()));
  EXPECT_EQ(object["detectors"][0]["scores"]["pate"], 0.75);
  EXPECT_EQ(object["detectors"][0]["source"], "b.csv");
  EXPECT_TRUE(object["detectors"][1]["source"].is_null());
  EXPECT_TRUE(object["detectors"][2]["scores"]["roc-auc"].is_null());
  EXPECT_TRUE(object["threshold"].is_null());
  EXPECT_EQ(object["detectors"][3]["rank"], 4);
}

TEST(Judged, TextFitsTheTerminalAndObeysNoName) {
  Judged judged = example();
  judged.detectors[0].name = "evil\x1b[2J";
  for (int i = 0; i < 9; ++i) judged.metrics.push_back({"metric-" + std::to_string(i), "more"});
  for (JudgedDetector& detector : judged.detectors) detector.scores.resize(11, 0.5);
  const std::string text = render_text(judged, 60);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("points") != std::string::npos) continue;  // what is judged, in one line
    EXPECT_LE(line.size(), 60u) << line;
  }
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("0.7500"), std::string::npos);
  EXPECT_NE(text.find("metric-8"), std::string::npos);
  EXPECT_NE(text.find("25 anomalous points in all (12.5 %)"), std::string::npos);
  judged.threshold = 0.125;
  EXPECT_NE(render_text(judged, 60).find("a score of 0.125 or more"), std::string::npos);
}

}  // namespace
}  // namespace betimes::report

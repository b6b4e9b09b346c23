#include "betimes/report/workload_fit.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace betimes::report {
namespace {

measure::Latency latency(double ms) {
  std::vector<double> samples(2000, ms);
  for (size_t i = 0; i < 100; ++i) samples[i] = 1.5 * ms;
  return measure::summarize(std::move(samples));
}

fit::TriedSetting tried(int64_t depth, double quality, double ms) {
  fit::TriedSetting made;
  made.entry.setting = {{"depth", depth}, {"cache", false}};
  made.entry.found = fit::Outcome{quality, ms, {{"p99", 1.5 * ms}}};
  made.on_frontier = true;
  return made;
}

fit::WorkloadFit example(int points = 6) {
  fit::WorkloadFit made;
  made.problem = "toy";
  made.search = "evolution";
  made.objective = "quality under p99<=3ms";
  made.budget = fit::parse_budget("p99<=3ms");
  made.met = true;
  made.verdict =
      "Of 7 settings tried and 4 measured at length, this is the best that keeps p99<=3ms.";
  for (int i = points; i >= 1; --i) made.tried.push_back(tried(i, 0.9 - 0.3 / i, i));
  made.tried[static_cast<size_t>(points) - 2].chosen = true;  // depth 2
  made.tried.push_back({});
  made.tried.back().entry.setting = {{"depth", int64_t{9}}, {"cache", true}};
  made.tried.back().entry.failure = "out of memory";
  made.failed = 1;
  made.standard = {made.tried.front().entry.setting,
                   latency(6),
                   {0.85, 0.84, 0.86, 0.95, 500},
                   {0.84, 0.83, 0.85, 0.95, 400},
                   0};
  made.chosen = {{{"depth", int64_t{2}}, {"cache", false}},
                 latency(2),
                 {0.75, 0.74, 0.76, 0.95, 500},
                 {0.74, 0.73, 0.75, 0.95, 400},
                 0};
  made.changes = {"depth: 6 -> 2"};
  made.stopped = "7 evaluations are done";
  made.machine.cpu = "Synthetic CPU";
  made.machine.isa = "avx2";
  made.seed = 3;
  return made;
}

std::set<std::string> keys(const nlohmann::json& object) {
  std::set<std::string> found;
  for (const auto& item : object.items()) found.insert(item.key());
  return found;
}

TEST(WorkloadFitReport, JsonHasTheDocumentedKeys) {
  const auto json = nlohmann::json::parse(render_json(example()));
  using Keys = std::set<std::string>;
  EXPECT_EQ(keys(json), (Keys{"problem", "search", "objective", "budget", "met", "verdict",
                              "standard", "chosen", "speedup", "changes", "tried", "failed",
                              "stopped", "ledger", "ledger_note", "machine", "seed", "seconds"}));
  EXPECT_EQ(
      keys(json["chosen"]),
      (Keys{"setting", "latency_ms", "latency_low_ms", "latency_high_ms", "runs", "warmup_runs",
            "drift_stopped", "valid", "invalid_reason", "quality", "quality_low", "quality_high",
            "quality_level", "examples", "validation", "memory_bytes"}));
  EXPECT_EQ(keys(json["tried"][0]), (Keys{"setting", "quality", "latency_ms", "figures", "failure",
                                          "seconds", "on_frontier", "finalist", "chosen"}));
  EXPECT_EQ(json["speedup"], 3.0);
  EXPECT_EQ(json["chosen"]["quality"], 0.74);
  EXPECT_EQ(json["chosen"]["validation"]["quality"], 0.75);
  EXPECT_EQ(json["tried"][6]["failure"], "out of memory");
  EXPECT_TRUE(json["tried"][6]["quality"].is_null());
  EXPECT_TRUE(json["tried"][0]["failure"].is_null());
  EXPECT_EQ(json["chosen"]["setting"]["cache"], false);
}

TEST(WorkloadFitReport, TextShowsWhatWasChosenAndWhy) {
  const std::string text = render_text(example());
  for (const std::string part :
       {"toy", "p99<=3ms", "7 settings, 1 of which failed", "6.00 ms", "2.00 ms", "3.0x faster",
        "0.8400", "0.7400", "-0.1000, 400 test examples", "depth: 6 -> 2",
        "  *    2.00 ms  0.7500  cache=false depth=2", "Budget met. Of 7 settings"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  fit::WorkloadFit missed = example();
  missed.met = false;
  missed.changes.clear();
  const std::string other = render_text(missed);
  EXPECT_NE(other.find("Budget not met."), std::string::npos);
  EXPECT_NE(other.find("nothing: the standard setting is kept"), std::string::npos);
}

TEST(WorkloadFitReport, LongFrontiersAreThinnedAndKeepTheirEndsAndTheChoice) {
  const std::string text = render_text(example(200));
  const auto lines = std::count(text.begin(), text.end(), '\n');
  EXPECT_LT(lines, 45);
  EXPECT_NE(text.find(" 200 ms"), std::string::npos) << text;
  EXPECT_NE(text.find("*    2.00 ms"), std::string::npos) << text;
}

TEST(WorkloadFitReport, WidthAndHostileTextAreKept) {
  fit::WorkloadFit fit = example();
  const std::string attack = "\x1b[2J\xff<script>";
  fit.problem = fit.search = fit.verdict = fit.machine.cpu = fit.ledger = attack;
  fit.changes = {attack};
  fit.tried.back().entry.failure = attack;
  fit.tried[0].entry.setting["depth"] = attack + std::string(500, 'x');
  for (const int width : {50, 80, 120}) {
    std::istringstream lines(render_text(fit, width));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), static_cast<size_t>(width)) << line;
      EXPECT_EQ(line.find('\x1b'), std::string::npos);
    }
  }
  EXPECT_TRUE(nlohmann::json::accept(render_json(fit)));
}

}  // namespace
}  // namespace betimes::report

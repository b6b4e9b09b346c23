#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "betimes/report/html.h"
#include "betimes/report/testing/synthetic_result.h"

namespace betimes::report {
namespace {

std::set<std::string> keys(const nlohmann::json& object) {
  std::set<std::string> found;
  for (const auto& item : object.items()) found.insert(item.key());
  return found;
}

using Keys = std::set<std::string>;

TEST(RenderJson, HasTheDocumentedKeys) {
  const auto json = nlohmann::json::parse(render_json(synthetic::result()));
  EXPECT_EQ(keys(json), (Keys{"model",
                              "task",
                              "metric",
                              "budget",
                              "met",
                              "headline",
                              "verdict",
                              "original",
                              "fitted",
                              "speedup",
                              "quality_change",
                              "quality_change_low",
                              "quality_change_high",
                              "agreement",
                              "changes",
                              "points",
                              "fastest_ms",
                              "best_quality",
                              "sensitivities",
                              "machine",
                              "threads",
                              "seed",
                              "seconds",
                              "date",
                              "artefact",
                              "report",
                              "predicted_for"}));
  EXPECT_EQ(keys(json["budget"]),
            (Keys{"text", "bounds", "quality_floor", "memory_bytes", "chosen_here"}));
  Keys variant{"latency_ms",    "latency_low_ms", "latency_high_ms", "runs",       "warmup_runs",
               "drift_stopped", "valid",          "invalid_reason",  "quality",    "quality_low",
               "quality_high",  "quality_level",  "examples",        "file_bytes", "memory_bytes",
               "steps",         "overhead_ms"};
  EXPECT_EQ(keys(json["original"]), variant);
  variant.merge(Keys{"predicted_ms", "predicted_quality", "label", "setting"});
  EXPECT_EQ(keys(json["fitted"]), variant);
  EXPECT_EQ(keys(json["fitted"]["latency_ms"]), (Keys{"p50", "p90", "p99", "mean", "first"}));
  EXPECT_EQ(
      keys(json["points"][0]),
      (Keys{"label", "predicted_ms", "measured_ms", "predicted_quality", "quality", "quality_low",
            "quality_high", "quality_level", "examples", "on_frontier", "chosen", "setting"}));
  EXPECT_EQ(keys(json["changes"][0]), (Keys{"what", "from", "to"}));
  EXPECT_EQ(keys(json["sensitivities"][0]),
            (Keys{"node", "op", "precision", "quality_drop", "output_error", "original_ms",
                  "lowered_ms", "chosen"}));
}

TEST(RenderJson, SaysWhatTheResultSays) {
  const fit::Result result = synthetic::result();
  const auto json = nlohmann::json::parse(render_json(result));
  EXPECT_EQ(json["fitted"]["latency_ms"]["p99"], result.fitted.latency.p99.value);
  EXPECT_EQ(json["fitted"]["predicted_ms"], result.chosen.predicted_ms);
  EXPECT_EQ(json["budget"]["bounds"][0]["ms"], 0.8);
  EXPECT_TRUE(json["budget"]["quality_floor"].is_null());
  EXPECT_TRUE(json["points"][1]["measured_ms"].is_null());
  EXPECT_EQ(json["changes"].back()["what"], "calibration");
  EXPECT_EQ(json["changes"].back()["to"], "entropy");
  int chosen = 0;
  for (const auto& point : json["points"]) chosen += point["chosen"].get<bool>() ? 1 : 0;
  EXPECT_EQ(chosen, 1);
}

TEST(RenderJson, KeepsKnobTypes) {
  fit::Result result = synthetic::bare();
  result.chosen.setting = {{"flag", true}, {"count", int64_t{3}}, {"rate", 0.5}, {"word", "a"}};
  const auto setting = nlohmann::json::parse(render_json(result))["fitted"]["setting"];
  EXPECT_TRUE(setting["flag"].is_boolean());
  EXPECT_TRUE(setting["count"].is_number_integer());
  EXPECT_TRUE(setting["rate"].is_number_float());
  EXPECT_EQ(setting["word"], "a");
}

TEST(RenderJson, IsValidWhateverTheResultHolds) {
  EXPECT_TRUE(nlohmann::json::accept(render_json(fit::Result{})));
  EXPECT_TRUE(nlohmann::json::accept(render_json(synthetic::hostile())));
  fit::Result result = synthetic::result();
  result.fitted.latency.p50.value = std::numeric_limits<double>::quiet_NaN();
  result.seed = std::numeric_limits<uint64_t>::max();
  const auto json = nlohmann::json::parse(render_json(result));
  EXPECT_TRUE(json["fitted"]["latency_ms"]["p50"].is_null());
  EXPECT_EQ(json["seed"], std::numeric_limits<uint64_t>::max());
}

}  // namespace
}  // namespace betimes::report

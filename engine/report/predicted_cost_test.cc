#include "betimes/report/predicted_cost.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace betimes::report {
namespace {

PredictedCost example() {
  PredictedCost p;
  p.model = "net.onnx";
  p.device.name = "desk";
  p.device.runtime = "betimes 1";
  p.device.machine.cpu = "a processor";
  p.device.machine.isa = "avx2";
  p.device.references.resize(10);
  p.steps.resize(2);
  p.steps[0].name = "first";
  p.steps[0].op = "Conv";
  p.steps[0].kernel = "jit";
  p.steps[0].precision = "fp32";
  p.steps[1].name = "second";
  p.steps[1].op = "MatMul";
  p.prediction = {.p50 = 2,
                  .p90 = 2.2,
                  .p99 = 3,
                  .low = 1.8,
                  .high = 2.3,
                  .level = 0.9,
                  .method = "learned and table",
                  .steps = {}};
  p.prediction.steps = {{1.5, "learned", {0.75, true}}, {0.5, "table", {0.25, false}}};
  return p;
}

void has(const std::string& text, const std::string& what) {
  EXPECT_NE(text.find(what), std::string::npos) << what << " in\n" << text;
}

TEST(PredictedCost, TextSaysWhatItCostsAndWhere) {
  PredictedCost p = example();
  p.notes = {"Another instruction set."};
  const std::string text = render_text(p, 100);
  has(text, "net.onnx");
  has(text, "desk (a processor, avx2, 1 thread; betimes 1)");
  has(text, "1.80 ms to 2.30 ms, 90 % sure");
  has(text, "by learned and table, adapted to 10 reference latencies");
  has(text, "Another instruction set.");
  has(text, "75 %");
  has(text, "50 % of peak");
  has(text, "50 % of bandwidth");
  EXPECT_EQ(text.find("why they differ"), std::string::npos);
  const std::string two = render_text(std::vector<PredictedCost>{p, p}, 100);
  has(two, "1.80 ms to 2.30 ms");
  has(two, "90 % sure");
}

TEST(PredictedCost, ExplainedSetsMeasuredBesideIt) {
  PredictedCost p = example();
  p.explained = true;
  cost::KernelTime near{{"Conv", "jit:near", {}}, 1.25};
  p.nearest = {{&near, 1.0}, {nullptr, 0}};
  cost::Explanation measured;
  measured.latency.p50.value = 2.5;
  measured.profile.steps.resize(2);
  measured.profile.steps[0].median_ms = 1.8;
  measured.profile.steps[1].median_ms = 0.7;
  measured.reasons = {"The machine is 20 % slower now"};
  p.measured = measured;
  const std::string text = render_text(p, 120);
  has(text, "+25.0 % of what was predicted");
  has(text, "(+20 %)");
  has(text, "by jit:near, extents up to 2.00 times apart");
  has(text, "nothing like it in the device's table");
  has(text, "why they differ");
  has(text, "The machine is 20 % slower now");
  const auto json = nlohmann::json::parse(render_json(p));
  EXPECT_EQ(json["measured"]["reasons"][0], "The machine is 20 % slower now");
  EXPECT_EQ(json["nodes"][0]["nearest"]["distance"], 1.0);
  EXPECT_EQ(json["nodes"][0]["measured_ms"], 1.8);
  EXPECT_FALSE(json["nodes"][1].contains("nearest"));
}

TEST(PredictedCost, JsonHasEveryFigure) {
  const auto json = nlohmann::json::parse(render_json(example()));
  EXPECT_EQ(json["latency_ms"]["p50"], 2);
  EXPECT_EQ(json["latency_ms"]["low"], 1.8);
  EXPECT_EQ(json["latency_ms"]["level"], 0.9);
  EXPECT_EQ(json["method"], "learned and table");
  ASSERT_EQ(json["nodes"].size(), 2u);
  EXPECT_EQ(json["nodes"][0]["share"], 0.75);
  EXPECT_EQ(json["nodes"][0]["bound"], "compute");
  EXPECT_EQ(json["nodes"][1]["method"], "table");
  const auto list =
      nlohmann::json::parse(render_json(std::vector<PredictedCost>{example(), example()}));
  EXPECT_TRUE(list.is_array());
  EXPECT_EQ(list.size(), 2u);
}

}  // namespace
}  // namespace betimes::report

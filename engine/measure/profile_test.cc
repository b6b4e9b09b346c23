#include "betimes/measure/profile.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::measure {
namespace {

std::vector<runtime::StepInfo> two_steps() {
  runtime::StepInfo conv;
  conv.name = "conv1";
  conv.op = "Conv";
  conv.kernel = "onednn";
  conv.precision = "fp32";
  conv.macs = 1e6;
  conv.bytes = 1e4;
  runtime::StepInfo relu;
  relu.name = "relu \xff";  // as a hostile file may call it
  relu.op = "Relu";
  relu.precision = "fp32";
  relu.bytes = 4e6;
  return {conv, relu};
}

// Nanoseconds: two steps, then the whole.
const std::vector<std::vector<int64_t>> runs = {{1'000'000, 200'000, 1'210'000},
                                                {1'100'000, 300'000, 1'410'000},
                                                {5'000'000, 100'000, 5'120'000}};

TEST(Profile, MediansAddUpWithTheOverhead) {
  const Profile profile = summarize(two_steps(), runs);
  EXPECT_EQ(profile.runs, 3);
  ASSERT_EQ(profile.steps.size(), 2u);
  EXPECT_DOUBLE_EQ(profile.steps[0].median_ms, 1.1);
  EXPECT_DOUBLE_EQ(profile.steps[1].median_ms, 0.2);
  EXPECT_DOUBLE_EQ(profile.overhead_ms, 0.01);
  EXPECT_DOUBLE_EQ(profile.total_ms, 1.41);
  EXPECT_DOUBLE_EQ(profile.sum_ms, 1.31);
  EXPECT_DOUBLE_EQ(profile.steps[0].share + profile.steps[1].share, 1);
  EXPECT_EQ(profile.timelines.size(), 3u);
}

TEST(Profile, WrongNumberOfTimesIsAnError) {
  EXPECT_THROW(summarize(two_steps(), {{1, 2}}), Error);
}

TEST(Profile, NothingRan) {
  const Profile profile = summarize(two_steps(), {});
  EXPECT_EQ(profile.total_ms, 0);
  EXPECT_EQ(profile.steps[0].share, 0);
}

TEST(Profile, RooflineTakesTheBindingLimit) {
  Profile profile = summarize(two_steps(), runs);
  Machine machine;
  machine.peak_gflops_fp32 = 4;  // 2e6 operations: 0.5 ms
  machine.read_gb_per_s = 40;    // 4e6 bytes: 0.1 ms
  relate_to_machine(profile, machine);
  EXPECT_EQ(profile.steps[0].bound, "compute");
  EXPECT_NEAR(profile.steps[0].peak_fraction, 0.5 / 1.1, 1e-12);
  EXPECT_EQ(profile.steps[1].bound, "memory");
  EXPECT_NEAR(profile.steps[1].peak_fraction, 0.5, 1e-12);
}

TEST(Profile, Int8IsSetAgainstItsOwnPeak) {
  auto steps = two_steps();
  steps[0].precision = "int8";
  Profile profile = summarize(steps, runs);
  Machine machine;
  machine.peak_gflops_fp32 = 4;
  machine.peak_gops_int8 = 8;
  relate_to_machine(profile, machine);
  EXPECT_NEAR(profile.steps[0].peak_fraction, 0.25 / 1.1, 1e-12);
  EXPECT_EQ(profile.steps[1].bound, "");
}

TEST(Trace, StepsLieInsideTheirRun) {
  const std::string path =
      (std::filesystem::path(testing::TempDir()) / "betimes_trace_test.json").string();
  write_trace(summarize(two_steps(), runs), "model.onnx", path);
  const auto bytes = read_file(path);
  const auto trace = nlohmann::json::parse(
      std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  std::filesystem::remove(path);
  double run_end = 0, at = 0;
  int steps = 0, whole = 0;
  for (const auto& event : trace.at("traceEvents")) {
    if (event.at("ph") != "X") continue;
    const double start = event.at("ts"), end = start + event.at("dur").get<double>();
    if (event.at("cat") == "run") {
      EXPECT_DOUBLE_EQ(start, run_end);
      run_end = end;
      at = start;
      ++whole;
      continue;
    }
    EXPECT_NEAR(start, at, 1e-9);
    EXPECT_LE(end, run_end);
    EXPECT_TRUE(event.at("args").contains("kernel"));
    at = end;
    ++steps;
  }
  EXPECT_EQ(whole, 3);
  EXPECT_EQ(steps, 6);
}

TEST(Trace, UnwritablePathIsAnError) {
  EXPECT_THROW(write_trace(summarize(two_steps(), runs), "m", "/nonexistent/folder/t.json"), Error);
}

/// `count` matrix products, one after the other.
runtime::Session session_of(int count) {
  graph::Graph graph;
  graph.inputs = {{"v0", DType::f32, std::vector<graph::Dim>{{4, {}}, {8, {}}}}};
  graph.constants["w"] = Tensor(DType::f32, {8, 8});
  for (int i = 0; i < count; ++i) {
    const std::string from = std::string("v") + std::to_string(i);
    const std::string to = std::string("v") + std::to_string(i + 1);
    graph.nodes.push_back({to, "MatMul", "", {from, "w"}, {to}, {}});
  }
  graph.outputs = {{std::string("v") + std::to_string(count), DType::f32, {}}};
  return runtime::Session(runtime::compile(graph));
}

TEST(Profile, SessionsThatTakeTurnsHaveAProfileEach) {
  runtime::Session two = session_of(2);
  runtime::Session five = session_of(5);
  // More than two turns, the last one short.
  const std::vector<Profile> profiles = profile_interleaved({&two, &five}, 19, 1);
  ASSERT_EQ(profiles.size(), 2u);
  EXPECT_EQ(profiles[0].steps.size(), two.plan().steps().size());
  EXPECT_EQ(profiles[1].steps.size(), five.plan().steps().size());
  for (const Profile& each : profiles) {
    EXPECT_EQ(each.runs, 19);
    EXPECT_GT(each.total_ms, 0);
    for (const StepTime& step : each.steps) EXPECT_GT(step.median_ms, 0) << step.name;
  }
  EXPECT_EQ(profile(two, 7).runs, 7);
}

}  // namespace
}  // namespace betimes::measure

#include "betimes/fit/timing.h"

#include <gtest/gtest.h>

#include "betimes/cost/reference_set.h"
#include "betimes/cost/testing.h"

namespace betimes::fit {
namespace {

std::shared_ptr<const cost::DeviceModel> model() {
  const std::vector<double> ms(cost::reference_nets().size(), 0.5);
  cost::Device device = cost::testing::device(ms, 1.4);
  device.name = "elsewhere";
  return std::make_shared<const cost::DeviceModel>(device);
}

Plans plans() {
  return {runtime::compile(cost::reference_nets()[1].make()),
          runtime::compile(cost::reference_nets()[4].make())};
}

TEST(PredictedTiming, SaysWhatTheCostModelSays) {
  const auto device = model();
  const auto timing = predicted_timing(device);
  const Plans all = plans();
  const auto latencies = timing->latencies(all, {}, 1, 7);
  const auto profiles = timing->profiles(all, 50, 1, 7);
  ASSERT_EQ(latencies.size(), all.size());
  ASSERT_EQ(profiles.size(), all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const cost::Prediction wanted = device->predict(cost::kernels_of(all[i]->steps()));
    EXPECT_EQ(latencies[i].p50.value, wanted.p50);
    EXPECT_EQ(latencies[i].p50.low, wanted.low);
    EXPECT_EQ(latencies[i].p50.high, wanted.high);
    EXPECT_EQ(latencies[i].p99.value, wanted.p99);
    EXPECT_EQ(latencies[i].runs, 0);
    EXPECT_FALSE(latencies[i].valid);
    EXPECT_NE(latencies[i].invalid_reason.find("elsewhere"), std::string::npos);
    ASSERT_EQ(profiles[i].steps.size(), all[i]->steps().size());
    double sum = 0;
    for (const measure::StepTime& step : profiles[i].steps) sum += step.median_ms;
    EXPECT_NEAR(sum, wanted.p50, 1e-9);
    EXPECT_EQ(profiles[i].steps[0].name, all[i]->steps()[0].name);
  }
  EXPECT_EQ(timing->predicted_for(), "elsewhere");
  EXPECT_EQ(timing->machine(1).cpu, "made up");
}

TEST(MeasuredTiming, Measures) {
  const auto timing = measured_timing();
  const Plans all = plans();
  measure::Options options;
  options.max_seconds = 0.2;
  const auto latencies = timing->latencies(all, options, 1, 7);
  const auto profiles = timing->profiles(all, 5, 1, 7);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_GT(latencies[i].runs, 0);
    EXPECT_GT(profiles[i].total_ms, 0);
    EXPECT_EQ(profiles[i].steps.size(), all[i]->steps().size());
  }
  EXPECT_EQ(timing->predicted_for(), "");
}

}  // namespace
}  // namespace betimes::fit

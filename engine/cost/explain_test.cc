#include "betimes/cost/explain.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/cost/detail/fill.h"
#include "betimes/cost/probe.h"
#include "betimes/cost/reference_set.h"

namespace betimes::cost {
namespace {

Device here() {
  ProbeOptions options;
  options.seconds = 0.5;
  Device device = probe(options);
  device.date = "today";
  return device;
}

TEST(Explain, SetsWhatIsMeasuredBesideWhatWasPredicted) {
  const Device device = here();
  ASSERT_TRUE(is_here(device));
  const DeviceModel model(device);
  const auto plan = runtime::compile(reference_nets()[9].make());
  runtime::Session session(plan);
  detail::fill(session, 1);
  const Prediction prediction = model.predict(kernels_of(plan->steps()));
  const Explanation found = explain(prediction, model, session, {.seconds = 0.3});
  EXPECT_GT(found.latency.runs, 0);
  ASSERT_EQ(found.profile.steps.size(), prediction.steps.size());
  EXPECT_GT(found.pace, 0.05);
  EXPECT_LT(found.pace, 20);
  EXPECT_GT(found.cold, 0.5);
  EXPECT_FALSE(found.reasons.empty());
}

TEST(Explain, NeedsTheDevicesOwnMachine) {
  Device device = here();
  device.machine.cpu = "another processor";
  EXPECT_FALSE(is_here(device));
  const DeviceModel model(device);
  const auto plan = runtime::compile(reference_nets()[1].make());
  runtime::Session session(plan);
  EXPECT_THROW(explain(model.predict(kernels_of(plan->steps())), model, session), Error);
  device = here();
  device.runtime = "another runtime";
  EXPECT_FALSE(is_here(device));
  device = here();
  device.machine.threads = 10'000;
  EXPECT_FALSE(is_here(device));
}

TEST(Probe, MeasuresATableOfKernels) {
  ProbeOptions options;
  options.seconds = 0.3;
  options.table = {runtime::compile(reference_nets()[9].make())};
  Device device = probe(options);
  device.date = "today";
  ASSERT_EQ(device.kernels.size(), options.table[0]->steps().size());
  const Device again = parse_device(format_device(device), "again");
  ASSERT_EQ(again.kernels.size(), device.kernels.size());
  EXPECT_EQ(again.kernels[0].ms, device.kernels[0].ms);
  // What is in the table is looked up: the sum is the table's.
  const DeviceModel model(again);
  const Prediction found = model.predict(kernels_of(options.table[0]->steps()));
  EXPECT_EQ(found.method, "table");
}

}  // namespace
}  // namespace betimes::cost

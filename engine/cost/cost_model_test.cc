#include "betimes/cost/cost_model.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/cost/testing.h"

namespace betimes::cost {
namespace {

using testing::kernel;

KernelTime timed(const Kernel& kernel, double ms) { return {kernel, ms}; }

TEST(RooflineModel, IsTheRooflineAndAStep) {
  const Device device = testing::device({});
  const Kernel conv = kernel("Conv", KernelKind::convolution, 1e8, 1e6);
  const double ms = *roofline_model()->predict(conv, device);
  EXPECT_EQ(ms, baseline_ms(conv.work, device.machine));
  EXPECT_GT(ms, roofline(conv.work, device.machine).ms);
  EXPECT_NEAR(ms, 2, 0.001);
}

TEST(OperatorTable, KnowsWhatWasMeasured) {
  Device device = testing::device({});
  const Kernel conv = kernel("Conv", KernelKind::convolution, 1e6, 1e4);
  EXPECT_EQ(operator_table()->predict(conv, device), std::nullopt);
  device.kernels = {timed(conv, 0.5)};
  EXPECT_DOUBLE_EQ(*operator_table()->predict(conv, device), 0.5);
  // At several places of a model: their mean, whatever else is near.
  device.kernels.push_back(timed(conv, 0.7));
  device.kernels.push_back(timed(kernel("Conv", KernelKind::convolution, 1.2e6, 1e4, 76), 9.0));
  EXPECT_DOUBLE_EQ(*operator_table()->predict(conv, device), 0.6);
}

TEST(OperatorTable, InterpolatesTimePerWorkBetweenNeighbours) {
  Device device = testing::device({});
  device.kernels = {timed(kernel("Conv", KernelKind::convolution, 1.0e6, 1e4, 100), 1.0),
                    timed(kernel("Conv", KernelKind::convolution, 1.2e6, 1e4, 120), 1.2)};
  const Kernel between = kernel("Conv", KernelKind::convolution, 1.1e6, 1e4, 110);
  EXPECT_NEAR(*operator_table()->predict(between, device), 1.1, 1e-9);
  // One and a half times is the farthest.
  EXPECT_TRUE(
      operator_table()->predict(kernel("Conv", KernelKind::convolution, 1.7e6, 1e4, 170), device));
  EXPECT_FALSE(
      operator_table()->predict(kernel("Conv", KernelKind::convolution, 1.9e6, 1e4, 190), device));
}

TEST(OperatorTable, KeysAreStrict) {
  Device device = testing::device({});
  const Kernel conv = kernel("Conv", KernelKind::convolution, 1e6, 1e4);
  device.kernels = {timed(conv, 0.5)};
  const auto table = operator_table();
  Kernel other = conv;
  other.kernel = "slow";
  EXPECT_FALSE(table->predict(other, device));
  other = conv;
  other.op = "ConvTranspose";
  EXPECT_FALSE(table->predict(other, device));
  for (const auto& change : std::vector<std::function<void(KernelWork&)>>{
           [](KernelWork& w) { w.bits = 8; }, [](KernelWork& w) { w.taps = 9; },
           [](KernelWork& w) { w.stride = 2; }, [](KernelWork& w) { w.dilation = 2; },
           [](KernelWork& w) { w.steps = 20; }, [](KernelWork& w) { w.functions = 1; },
           [](KernelWork& w) { w.exponentials = 1; }, [](KernelWork& w) { w.groups = 64; },
           [](KernelWork& w) { w.reference = true; },
           [](KernelWork& w) { w.kind = KernelKind::pointwise; }}) {
    other = conv;
    change(other.work);
    EXPECT_FALSE(table->predict(other, device));
  }
}

TEST(NearestKernels, AreOrderedByTheLargestFactor) {
  const Kernel conv = kernel("Conv", KernelKind::convolution, 1e6, 1e4, 99);
  const std::vector<KernelTime> table = {
      timed(kernel("Conv", KernelKind::convolution, 1e6, 1e4, 399), 4),
      timed(kernel("MatMul", KernelKind::product, 1e6, 1e4, 99), 1),
      timed(kernel("Conv", KernelKind::convolution, 1e6, 1e4, 199), 2)};
  const auto found = nearest_kernels(conv, table, 5);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].kernel->ms, 2);
  EXPECT_NEAR(found[0].distance, 1, 1e-12);  // 200 / 100
  EXPECT_NEAR(found[1].distance, 2, 1e-12);
  EXPECT_EQ(nearest_kernels(conv, table, 1).size(), 1u);
}

TEST(LearnedKernels, OfOtherFeaturesAreRefused) {
  EXPECT_THROW(learned_kernels(BoostedTrees()), Error);
}

}  // namespace
}  // namespace betimes::cost

#include "betimes/cost/kernel_features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace betimes::cost {
namespace {

measure::Machine machine() {
  measure::Machine machine;
  machine.isa = "avx2";
  machine.threads = 2;
  machine.read_gb_per_s = 10;
  machine.peak_gflops_fp32 = 100;
  machine.peak_gops_int8 = 400;
  return machine;
}

TEST(Roofline, IsTheSlowerOfArithmeticAndMemory) {
  KernelWork work;
  work.macs = 1e8;   // 2e8 operations: 2 ms of 100 GFLOP/s
  work.bytes = 1e6;  // 0.1 ms of 10 GB/s
  EXPECT_NEAR(roofline(work, machine()).ms, 2, 1e-12);
  EXPECT_TRUE(roofline(work, machine()).compute);
  work.bits = 8;
  EXPECT_NEAR(roofline(work, machine()).ms, 0.5, 1e-12);
  work.bits = 16;  // no such instruction: in fp32
  EXPECT_NEAR(roofline(work, machine()).ms, 2, 1e-12);
  work.bytes = 1e8;
  EXPECT_NEAR(roofline(work, machine()).ms, 10, 1e-12);
  EXPECT_FALSE(roofline(work, machine()).compute);
}

TEST(Features, AreAllNamedAndFinite) {
  EXPECT_EQ(feature_names().size(), feature_count);
  for (const float each : features(Kernel{}, machine())) EXPECT_TRUE(std::isfinite(each));
  KernelWork work;
  work.kind = KernelKind::convolution;
  work.width = 5;
  work.inside = 0.5;
  const auto found = features({"Conv", "jit", work}, machine());
  EXPECT_EQ(found[static_cast<size_t>(KernelKind::convolution)], 1.0f);
  float kinds = 0;
  for (size_t i = 0; i < kernel_kinds; ++i) kinds += found[i];
  EXPECT_EQ(kinds, 1.0f);
  const auto& names = feature_names();
  const auto feature = [&](const char* name) {
    return found[static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin())];
  };
  EXPECT_EQ(feature("threads"), 2.0f);
  EXPECT_EQ(feature("jit"), 1.0f);
  EXPECT_EQ(feature("width"), std::log2(1 + 5.0f));
  EXPECT_EQ(feature("inside"), -1.0f);
  EXPECT_EQ(feature("widens"), 0.0f);
}

TEST(Features, TellEightBitsThatBecomeFloats) {
  const size_t widens =
      static_cast<size_t>(std::find(feature_names().begin(), feature_names().end(), "widens") -
                          feature_names().begin());
  Kernel kernel;
  kernel.work.bits = 8;
  kernel.work.read = 100;
  kernel.work.weights = 50;
  kernel.work.written = 30;
  kernel.work.bytes = 100 + 50 + 30 + 16;  // and a bias
  EXPECT_EQ(features(kernel, machine())[widens], 0.0f);
  kernel.work.bytes = 100 + 50 + 4 * 30 + 16;
  EXPECT_EQ(features(kernel, machine())[widens], 1.0f);
  kernel.work.bits = 32;
  EXPECT_EQ(features(kernel, machine())[widens], 0.0f);
}

}  // namespace
}  // namespace betimes::cost

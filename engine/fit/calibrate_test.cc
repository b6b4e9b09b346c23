#include "betimes/fit/calibrate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace betimes::fit {
namespace {

Distribution histogram(const std::vector<float>& values, size_t bins = 2048) {
  Distribution seen;
  for (const float value : values) {
    seen.low = std::min(seen.low, value);
    seen.high = std::max(seen.high, value);
  }
  seen.bins.assign(bins, 0);
  for (const float value : values) {
    const double share = (value - seen.low) / std::max(seen.high - seen.low, 1e-30f);
    ++seen.bins[std::min(static_cast<size_t>(share * static_cast<double>(bins)), bins - 1)];
  }
  return seen;
}

std::vector<float> sample(size_t count, const std::function<float(std::mt19937&)>& draw) {
  std::mt19937 random(5);
  std::vector<float> values(count);
  for (float& value : values) value = draw(random);
  return values;
}

/// Mean squared error of rounding to 8 bits over the range, what lies outside clipped.
double rounding_error(const std::vector<float>& values, const Range& range) {
  const double step = (double{range.high} - range.low) / 255.0;
  double sum = 0;
  for (const float value : values) {
    const double clipped = std::clamp<double>(value, range.low, range.high);
    const double rounded = range.low + step * std::nearbyint((clipped - range.low) / step);
    sum += (rounded - value) * (rounded - value);
  }
  return sum / static_cast<double>(values.size());
}

TEST(Calibrate, EveryRangeHoldsZeroAndIsNotEmpty) {
  const auto positive = sample(5000, [](std::mt19937& r) { return 2.0f + (r() % 1000) / 1000.0f; });
  const auto negative =
      sample(5000, [](std::mt19937& r) { return -2.0f - (r() % 1000) / 1000.0f; });
  for (const auto& values : {positive, negative, std::vector<float>(100, 0.0f)}) {
    for (const Calibration method : all_calibrations()) {
      const Range range = find_range(histogram(values), method);
      EXPECT_LE(range.low, 0.0f) << name(method);
      EXPECT_GE(range.high, 0.0f) << name(method);
      EXPECT_GT(range.high, range.low) << name(method);
    }
  }
}

TEST(Calibrate, MinMaxKeepsEverything) {
  const Range range = find_range(histogram({-1.5f, 0.25f, 7.0f}), Calibration::min_max);
  EXPECT_FLOAT_EQ(range.low, -1.5f);
  EXPECT_FLOAT_EQ(range.high, 7.0f);
}

TEST(Calibrate, PercentileLeavesOutAFewAtEachEnd) {
  auto values = sample(100'000, [](std::mt19937& r) {
    return std::uniform_real_distribution<float>(-1.0f, 1.0f)(r);
  });
  values.push_back(50.0f);
  values.push_back(-30.0f);
  const Range range = find_range(histogram(values), Calibration::percentile);
  std::sort(values.begin(), values.end());
  const float bin = 80.0f / 2048.0f;
  EXPECT_NEAR(range.high, 1.0f, 2 * bin);
  EXPECT_NEAR(range.low, -1.0f, 2 * bin);
}

TEST(Calibrate, PercentileKeepsHeavyTails) {
  // One value in a hundred is large: far more than may be left out.
  const auto values =
      sample(100'000, [](std::mt19937& r) { return r() % 100 == 0 ? 10.0f : 1.0f; });
  EXPECT_NEAR(find_range(histogram(values), Calibration::percentile).high, 10.0f, 0.01f);
}

TEST(Calibrate, EntropyClipsRareOutliers) {
  auto values = sample(200'000, [](std::mt19937& r) {
    return std::fabs(std::normal_distribution<float>(0.0f, 1.0f)(r));
  });
  values.push_back(40.0f);
  const Range all = find_range(histogram(values), Calibration::min_max);
  const Range kept = find_range(histogram(values), Calibration::entropy);
  EXPECT_FLOAT_EQ(all.high, 40.0f);
  EXPECT_LT(kept.high, 10.0f);
  EXPECT_GT(kept.high, 2.5f);
  // The outlier itself is lost, everything else is rounded more finely.
  values.pop_back();
  EXPECT_LT(rounding_error(values, kept), 0.2 * rounding_error(values, all));
}

TEST(Calibrate, EntropyKeepsAUniformDistribution) {
  const auto values = sample(200'000, [](std::mt19937& r) {
    return std::uniform_real_distribution<float>(0.0f, 6.0f)(r);
  });
  EXPECT_GT(find_range(histogram(values), Calibration::entropy).high, 5.5f);
}

TEST(Calibrate, EntropyIsSymmetricForSignedValues) {
  const auto values = sample(
      200'000, [](std::mt19937& r) { return std::normal_distribution<float>(0.0f, 1.0f)(r); });
  const Range range = find_range(histogram(values), Calibration::entropy);
  EXPECT_NEAR(range.low, -range.high, 0.35f);
  EXPECT_GT(range.high, 2.0f);
}

}  // namespace
}  // namespace betimes::fit

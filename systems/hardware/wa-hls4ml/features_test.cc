#include "systems/hardware/wa-hls4ml/features.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/base/error.h"
#include "systems/hardware/wa-hls4ml/generator.h"

namespace betimes::systems::wa_hls4ml {
namespace {

Sample sample(const std::vector<int64_t>& sizes, int64_t bits, const Costs& costs) {
  return {dense_chain(sizes, bits, 16), costs, false};
}

TEST(WaFeatures, RowsAreStandardisedNumbersAndOneHots) {
  const std::vector<Sample> samples = {sample({8, 16, 4}, 4, {}), sample({24, 8}, 16, {})};
  const FeatureStats stats = fit_features(samples);
  // Inputs 8, 16, 24 of the three layers.
  EXPECT_DOUBLE_EQ(stats.mean[0], 16);
  EXPECT_DOUBLE_EQ(stats.deviation[0], 8);
  EXPECT_DOUBLE_EQ(stats.mean[1], 0) << "absent is read as 0";
  EXPECT_DOUBLE_EQ(stats.deviation[1], 1) << "what doesn't vary isn't scaled";
  Network network = samples[0].network;
  network.layers[1].activation = Activation::softmax;
  network.layers[1].padding = Padding::same;
  const std::vector<float> rows = layer_rows(network, stats);
  ASSERT_EQ(rows.size(), 2 * row_width);
  EXPECT_FLOAT_EQ(rows[0], -1);
  EXPECT_FLOAT_EQ(rows[row_width], 0);
  EXPECT_FLOAT_EQ(rows[6], static_cast<float>((4 - 8) / stats.deviation[6]));
  for (size_t i = 0; i < 12; ++i) EXPECT_EQ(rows[numerics + i], i == 1 ? 1 : 0) << "dense";
  EXPECT_EQ(rows[24], 1) << "no activation";
  EXPECT_EQ(rows[row_width + 24 + 5], 1) << "softmax";
  EXPECT_EQ(rows[row_width + 30 + 2], 1) << "same";
  EXPECT_EQ(context(network), (std::array<float, 4>{0, 1, 1, 0}));
  const std::vector<float> average = average_row(network, stats);
  ASSERT_EQ(average.size(), average_width);
  for (size_t i = 0; i < row_width; ++i) {
    EXPECT_FLOAT_EQ(average[i], (rows[i] + rows[row_width + i]) / 2);
  }
  EXPECT_EQ(average.back(), 2);
  EXPECT_THROW(fit_features({}), Error);
}

TEST(WaFeatures, LogRowsHoldWhatTheLawIsMadeOf) {
  const Network network = dense_chain(std::vector<int64_t>{24, 48, 24, 32}, 6, 4093);
  const auto row = log_row(network);
  EXPECT_NEAR(std::exp(row[0] + row[3]), 1152 + 1152 + 768, 1e-9);
  EXPECT_NEAR(std::exp(row[5]), 1, 1e-12) << "one multiplier a layer";
  EXPECT_EQ(row[7], 6);
}

TEST(WaLabels, GoThereAndBack) {
  const std::vector<Sample> samples = {sample({8, 8}, 8, {10, 200, 3000, 0, 0, 9}),
                                       sample({8, 8}, 8, {1000, 20, 30, 4, 12, 900}),
                                       sample({8, 8}, 8, {100, 50, 300, 1.5, 0, 90})};
  for (const LabelScale scale : {LabelScale::log1p, LabelScale::shifted_log}) {
    const LabelStats stats = fit_labels(samples, scale);
    for (const Sample& each : samples) {
      const Costs found = stats.restore(stats.normalise(*each.costs));
      for (size_t i = 0; i < targets; ++i) {
        EXPECT_NEAR(found[i], (*each.costs)[i], 1e-4 * ((*each.costs)[i] + 1)) << name(scale);
      }
    }
    const std::array<float, targets> low = {-90, -90, -90, -90, -90, -90};
    for (const double cost : stats.restore(low)) EXPECT_GE(cost, 0);
  }
  const LabelStats shifted = fit_labels(samples, LabelScale::shifted_log);
  EXPECT_EQ(of(shifted.shift, Target::cycles), 0) << "nothing is 0 there";
  EXPECT_EQ(of(shifted.shift, Target::dsp), 1e-6);
  EXPECT_EQ(of(fit_labels(samples, LabelScale::log1p).shift, Target::dsp), 1);
  // Mean 0 and deviation 1 over the sample.
  double sum = 0, squares = 0;
  for (const Sample& each : samples) {
    const double label = double{shifted.normalise(*each.costs)[0]};
    sum += label;
    squares += label * label;
  }
  EXPECT_NEAR(sum, 0, 1e-6);
  EXPECT_NEAR(squares / 2, 1, 1e-6);
}

TEST(WaLabels, FailuresTeachNothing) {
  std::vector<Sample> samples = {sample({8, 8}, 8, {10, 200, 3000, 0, 0, 9})};
  samples.push_back({dense_chain(std::vector<int64_t>{8, 8}, 8, 1), {}, false});
  const LabelStats with = fit_labels(samples, LabelScale::log1p);
  samples.pop_back();
  EXPECT_EQ(with.mean, fit_labels(samples, LabelScale::log1p).mean);
  samples[0].costs.reset();
  EXPECT_THROW(fit_labels(samples, LabelScale::log1p), Error);
}

}  // namespace
}  // namespace betimes::systems::wa_hls4ml

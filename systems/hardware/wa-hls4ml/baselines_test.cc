#include "systems/hardware/wa-hls4ml/baselines.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/base/error.h"
#include "systems/hardware/wa-hls4ml/generator.h"
#include "systems/hardware/wa-hls4ml/measures.h"
#include "systems/hardware/wa-hls4ml/testing.h"

namespace betimes::systems::wa_hls4ml {
namespace {

TEST(WaBaselines, TheMeanIsOfWhatSynthesised) {
  Sample a{dense_chain(std::vector<int64_t>{8, 8}, 8, 1), Costs{1, 2, 3, 4, 5, 6}, false};
  Sample b = a, failed = a;
  b.costs = Costs{3, 4, 5, 6, 7, 8};
  failed.costs.reset();
  const auto mean = fit_mean(std::vector<Sample>{a, failed, b});
  EXPECT_EQ(mean->predict(failed.network), (Costs{2, 3, 4, 5, 6, 7}));
  EXPECT_THROW(fit_mean(std::vector<Sample>{failed}), Error);
  EXPECT_THROW(fit_linear(std::vector<Sample>{failed}, LabelScale::log1p), Error);
  EXPECT_THROW(fit_trees({}, LabelScale::log1p), Error);
  EXPECT_THROW(true_costs(std::vector<Sample>{failed}), Error);
}

/// Costs that are powers of what the regression reads are found exactly.
TEST(WaBaselines, LinearRegressionFindsPowers) {
  std::vector<Sample> samples = synthesised(chains(400, 2));
  for (Sample& sample : samples) {
    const auto row = log_row(sample.network);
    for (size_t i = 0; i < targets; ++i) {
      (*sample.costs)[i] = std::exp(2 + row[0] + 0.5 * row[3] - 0.3 * row[7]);
    }
  }
  const auto linear = fit_linear(std::span(samples).first(200), LabelScale::shifted_log);
  for (size_t i = 200; i < samples.size(); ++i) {
    const Costs found = linear->predict(samples[i].network);
    EXPECT_NEAR(found[0] / (*samples[i].costs)[0], 1, 1e-3);
  }
}

TEST(WaBaselines, TreesLearnChains) {
  const std::vector<Sample> training = chains(1500, 3), test = synthesised(chains(300, 4));
  const auto truth = true_costs(test);
  const auto mean = score_all(fit_mean(training)->predict_all(test), truth);
  const auto trees =
      score_all(fit_trees(training, LabelScale::log1p, 100)->predict_all(test), truth);
  for (const Target target : {Target::cycles, Target::lut, Target::interval}) {
    const auto i = static_cast<size_t>(target);
    EXPECT_LT(trees[i].median_smape, 0.2 * mean[i].median_smape) << name(target);
  }
}

}  // namespace
}  // namespace betimes::systems::wa_hls4ml

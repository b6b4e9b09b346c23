#include "systems/hardware/wa-hls4ml/generator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/hardware/wa-hls4ml/logistic.h"
#include "systems/hardware/wa-hls4ml/reuse.h"

namespace betimes::systems::wa_hls4ml {
namespace {

Cycles cycles(const std::vector<int64_t>& sizes, int64_t requested) {
  std::vector<int64_t> reuse;
  for (const Layer& layer : dense_chain(sizes, 8, requested).layers) reuse.push_back(layer.reuse);
  return chain_cycles(reuse);
}

/// Networks whose synthesis is published.
TEST(WaGenerator, TheLawGivesWhatWasSynthesised) {
  EXPECT_EQ(cycles({88, 16, 64}, 1024).best, 1731);
  EXPECT_EQ(cycles({24, 48, 24, 32}, 4093).best, 3077);
  EXPECT_EQ(cycles({24, 48, 24, 32}, 4093).worst, 3080);
  EXPECT_EQ(cycles({24, 48, 24, 32}, 4093).interval, 3077);
  EXPECT_EQ(cycles({24, 48, 32, 104}, 1024).best, 2757);
  // A single layer of 32 x 32 at 512: 513 to 514 cycles, a new input every 512.
  EXPECT_EQ(cycles({32, 32}, 512).best, 513);
  EXPECT_EQ(cycles({32, 32}, 512).worst, 514);
  EXPECT_EQ(cycles({32, 32}, 512).interval, 512);
}

TEST(WaGenerator, ChainsAreAsTheyAreSaidToBe) {
  const auto layers = plain_layers();
  ChainOptions options;
  options.count = 2000;
  const auto chains = make_chains(*layers, options);
  ASSERT_EQ(chains.size(), 2000u);
  std::map<size_t, int> depths;
  size_t failed = 0;
  for (const Sample& sample : chains) {
    EXPECT_FALSE(sample.measured);
    ++depths[sample.network.layers.size()];
    std::vector<int64_t> reuse;
    Costs least{};
    for (const Layer& layer : sample.network.layers) {
      reuse.push_back(layer.reuse);
      EXPECT_TRUE(valid_reuse(layer.in[0], layer.out[0], layer.reuse));
      EXPECT_GE(layer.in[0], 8);
      EXPECT_LE(layer.out[0], 128);
      EXPECT_GE(layer.precision, 2);
      EXPECT_LE(layer.precision, 16);
      of(least, Target::lut) += layers->cost(Target::lut, layer);
    }
    failed += !sample.costs;
    if (!sample.costs) continue;
    EXPECT_EQ(of(*sample.costs, Target::cycles), static_cast<double>(chain_cycles(reuse).worst));
    const double ratio = of(*sample.costs, Target::lut) / of(least, Target::lut);
    EXPECT_LT(std::abs(std::log(ratio)), 0.2) << "noise of 3 %";
  }
  EXPECT_EQ(depths.size(), 6u);
  EXPECT_GT(depths[1], 200);
  EXPECT_GT(depths[6], 200);
  EXPECT_GT(failed, 10u);
  EXPECT_LT(failed, 1000u);
  const auto again = make_chains(*layers, options);
  for (size_t i = 0; i < chains.size(); ++i) EXPECT_EQ(again[i].costs, chains[i].costs);
}

TEST(WaGenerator, ExemplarsAreHeldOut) {
  const auto layers = plain_layers();
  const auto exemplars = make_exemplars(*layers, 1);
  EXPECT_EQ(exemplars.size(), 4u * 8 * 9);
  std::set<std::string> sizes;
  for (const Sample& sample : exemplars) sizes.insert(sizes_text(sample.network));
  EXPECT_TRUE(sizes.contains("16-64-32-32-5"));
  ChainOptions options;
  options.count = 5000;
  for (const Sample& sample : make_chains(*layers, options)) {
    EXPECT_FALSE(sizes.contains(sizes_text(sample.network)));
  }
}

/// Layers whose costs are known: the fit gives them back, failures included.
TEST(WaGenerator, LayersAreFitted) {
  Random random(3);
  const auto truth = plain_layers();
  std::vector<Sample> samples;
  for (int i = 0; i < 1500; ++i) {
    const std::vector<int64_t> sizes = {static_cast<int64_t>(32 * (1 + random.below(8))),
                                        static_cast<int64_t>(32 * (1 + random.below(8)))};
    Sample sample;
    sample.network = dense_chain(sizes, static_cast<int64_t>(2 + 2 * random.below(7)),
                                 static_cast<int64_t>(1) << (2 * random.below(6)));
    const Layer& layer = sample.network.layers[0];
    if (random.uniform() < truth->success(layer)) {
      sample.costs.emplace();
      for (const Target target : {Target::ff, Target::lut, Target::bram, Target::dsp}) {
        of(*sample.costs, target) = truth->cost(target, layer);
      }
    }
    samples.push_back(sample);
  }
  const auto fitted = fit_layers(samples);
  double wrong = 0, error = 0, count = 0;
  for (const Sample& sample : samples) {
    const Layer& layer = sample.network.layers[0];
    wrong += std::abs(fitted->success(layer) - truth->success(layer));
    if (!sample.costs) continue;
    error += std::abs(fitted->cost(Target::lut, layer) / truth->cost(Target::lut, layer) - 1);
    ++count;
  }
  EXPECT_LT(error / count, 0.08);
  EXPECT_LT(wrong / static_cast<double>(samples.size()), 0.05);
  EXPECT_THROW(fit_layers({}), Error);
}

TEST(WaLogistic, FindsTheRuleOfItsSample) {
  Random random(5);
  std::vector<double> rows;
  std::vector<bool> happened;
  for (int i = 0; i < 20'000; ++i) {
    const double a = random.normal(), b = 100 + 10 * random.normal();
    rows.insert(rows.end(), {a, b});
    happened.push_back(random.uniform() < 1 / (1 + std::exp(-(2 * a - 0.1 * (b - 100) + 0.5))));
  }
  const Logistic found(rows, happened, 2);
  EXPECT_NEAR(found.probability(std::vector<double>{0, 100}), 1 / (1 + std::exp(-0.5)), 0.02);
  EXPECT_NEAR(found.probability(std::vector<double>{1, 110}), 1 / (1 + std::exp(-1.5)), 0.02);
  EXPECT_THROW(found.probability(std::vector<double>{1}), Error);
  EXPECT_THROW(Logistic({}, {}, 2), Error);
  // Kinds that a line divides.
  const Logistic divided(std::vector<double>{1, 2, 3, 4}, {false, false, true, true}, 1);
  EXPECT_LT(divided.probability(std::vector<double>{1}), 0.1);
  EXPECT_GT(divided.probability(std::vector<double>{4}), 0.9);
}

}  // namespace
}  // namespace betimes::systems::wa_hls4ml

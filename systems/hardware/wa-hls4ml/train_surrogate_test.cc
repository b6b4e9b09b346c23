#include "systems/hardware/wa-hls4ml/train_surrogate.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/import/onnx.h"
#include "systems/hardware/wa-hls4ml/generator.h"
#include "systems/hardware/wa-hls4ml/measures.h"
#include "systems/hardware/wa-hls4ml/served.h"
#include "systems/hardware/wa-hls4ml/testing.h"
#include "systems/hardware/wa-hls4ml/train_served.h"
#include "systems/recommend/common/ranking.h"

namespace betimes::systems::wa_hls4ml {
namespace {

constexpr ModelKind all_kinds[] = {ModelKind::mlp, ModelKind::sage, ModelKind::gatv2,
                                   ModelKind::transformer};

class WaSurrogate : public testing::Test {
 protected:
  WaSurrogate() { torch::set_num_threads(1); }
};

/// Padding and neighbours in a batch change nothing of a network's prediction.
TEST_F(WaSurrogate, PredictsANetworkTheSameInAnyBatch) {
  const auto samples = synthesised(chains(40, 1));
  for (const ModelKind kind : all_kinds) {
    const Surrogate surrogate(ModelOptions::of(kind), samples, LabelScale::log1p, 1);
    const auto together = surrogate.predict_all(samples);
    for (size_t i = 0; i < samples.size(); ++i) {
      const Costs alone = surrogate.predict(samples[i].network);
      for (size_t j = 0; j < targets; ++j) {
        EXPECT_NEAR(alone[j], together[i][j], 1e-4 * (1 + together[i][j])) << name(kind);
      }
    }
  }
}

/// The order of layers counts for graph and sequence, and not for averages.
TEST_F(WaSurrogate, SequencesAreReadInOrder) {
  const auto samples = synthesised(chains(40, 1));
  Network network = dense_chain(std::vector<int64_t>{16, 64, 8, 32}, 8, 64), turned = network;
  std::swap(turned.layers[0], turned.layers[2]);
  for (const ModelKind kind : all_kinds) {
    const Surrogate surrogate(ModelOptions::of(kind), samples, LabelScale::log1p, 1);
    const double a = surrogate.predict(network)[0], b = surrogate.predict(turned)[0];
    EXPECT_EQ(std::abs(a - b) < 1e-4 * a, kind == ModelKind::mlp) << name(kind);
  }
}

/// The transformer of the paper isn't told strategy and io type; with the option it is.
TEST_F(WaSurrogate, ContextIsAnOption) {
  const auto samples = synthesised(chains(40, 1));
  Network network = dense_chain(std::vector<int64_t>{16, 64, 8}, 8, 64), other = network;
  other.strategy = Strategy::latency;
  for (const bool told : {true, false}) {
    ModelOptions options = ModelOptions::of(ModelKind::transformer);
    options.context = told;
    const Surrogate surrogate(options, samples, LabelScale::log1p, 1);
    EXPECT_EQ(surrogate.predict(network) != surrogate.predict(other), told);
  }
}

TEST_F(WaSurrogate, EveryKindLearns) {
  const auto training = chains(700, 2), validation = chains(150, 3);
  const auto test = synthesised(chains(200, 4));
  const auto truth = true_costs(test);
  const auto mean = score_all(fit_mean(training)->predict_all(test), truth);
  for (const ModelKind kind : all_kinds) {
    Surrogate surrogate(ModelOptions::of(kind), training, LabelScale::log1p, 1);
    SurrogateTraining how = SurrogateTraining::of(kind);
    how.epochs = 8;
    how.batch = 32;
    surrogate.train(training, validation, how);
    const auto found = score_all(surrogate.predict_all(test), truth);
    for (const Target target : {Target::cycles, Target::lut, Target::ff}) {
      const auto i = static_cast<size_t>(target);
      EXPECT_LT(found[i].median_smape, 0.6 * mean[i].median_smape)
          << name(kind) << ", " << name(target);
    }
  }
}

/// A run that was broken off and goes on ends as one that wasn't.
TEST_F(WaSurrogate, GoesOnFromItsCheckpoint) {
  const auto training = chains(150, 2), validation = chains(60, 3);
  const ModelOptions options = ModelOptions::of(ModelKind::gatv2);
  const TemporaryFolder folder;
  SurrogateTraining how;
  how.batch = 32;
  how.epochs = 4;
  Surrogate whole(options, training, LabelScale::log1p, 1);
  whole.train(training, validation, how);
  how.checkpoint = folder.at("part");
  how.epochs = 2;
  Surrogate begun(options, training, LabelScale::log1p, 1);
  begun.train(training, validation, how);
  how.epochs = 4;
  how.resume = true;
  Surrogate resumed(options, training, LabelScale::log1p, 9);
  resumed.train(training, validation, how);
  const Network& network = training[0].network;
  for (size_t i = 0; i < targets; ++i) {
    EXPECT_NEAR(whole.predict(network)[i], resumed.predict(network)[i],
                1e-5 * (1 + whole.predict(network)[i]));
  }
}

TEST_F(WaSurrogate, TheClassifierFindsFailures) {
  // A rule without chance, under which about as many fail as don't.
  const auto ruled = [](std::vector<Sample> samples) {
    for (Sample& sample : samples) {
      sample.costs.reset();
      if (log_row(sample.network)[5] < std::log(20.0)) sample.costs = Costs{};
    }
    return samples;
  };
  const auto training = ruled(chains(800, 5)), validation = ruled(chains(200, 6)),
             test = ruled(chains(300, 7));
  SuccessClassifier classifier(training, 1);
  SurrogateTraining how = SurrogateTraining::of(ModelKind::mlp);
  how.epochs = 10;
  how.batch = 32;
  classifier.train(training, validation, how);
  std::vector<float> labels;
  for (const Sample& sample : test) labels.push_back(sample.costs ? 1.0f : 0.0f);
  EXPECT_GT(recommend::auc(classifier.predict(test), labels), 0.85);
}

/// What is served without LibTorch is what was trained.
TEST_F(WaSurrogate, IsServedAsItWasTrained) {
  const auto samples = chains(60, 1);
  Surrogate surrogate(ModelOptions::of(ModelKind::transformer), samples, LabelScale::log1p, 1);
  SuccessClassifier classifier(samples, 1);
  const TemporaryFolder folder;
  const Files files(folder.path().string());
  EXPECT_THROW(ServedSurrogate(files, 1), Error) << "nothing is there";
  import::write_onnx(costs_graph(surrogate), files.costs);
  import::write_onnx(success_graph(classifier), files.success);
  ServedSurrogate served(files, 1);
  const auto costs = surrogate.predict_all(samples);
  const auto success = classifier.predict(samples);
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto found = served.predict(samples[i].network);
    EXPECT_NEAR(found.success, double{success[i]}, 1e-4);
    for (size_t j = 0; j < targets; ++j) {
      EXPECT_NEAR(found.costs[j], costs[i][j], 1e-3 * (1 + costs[i][j]));
    }
  }
  Network wrong = samples[0].network;
  wrong.layers[0].precision = 64;
  EXPECT_THROW(served.predict(wrong), Error);
  Surrogate graph(ModelOptions::of(ModelKind::gatv2), samples, LabelScale::log1p, 1);
  EXPECT_THROW(costs_graph(graph), Error);
  import::write_onnx(success_graph(classifier), files.costs);
  EXPECT_THROW(ServedSurrogate(files, 1), Error) << "another model's file";
}

TEST_F(WaSurrogate, NonsenseIsRefused) {
  const auto samples = chains(20, 1);
  EXPECT_THROW(make_networks({}, fit_features(samples)), Error);
  ModelOptions options = ModelOptions::of(ModelKind::transformer);
  options.heads = 5;
  EXPECT_THROW(make_model(options), Error);
  options.hidden = 0;
  EXPECT_THROW(make_model(options), Error);
}

}  // namespace
}  // namespace betimes::systems::wa_hls4ml

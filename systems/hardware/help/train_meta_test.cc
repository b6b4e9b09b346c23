#include "systems/hardware/help/train_meta.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/temporary_folder.h"
#include "systems/hardware/help/testing.h"

namespace betimes::systems::help {
namespace {

Tables cells() {
  Tables tables = synthetic_tables(300, 4);
  tables.architectures = some_architectures(true, 300, 4);
  return tables;
}

std::vector<size_t> from(const Device& device, size_t first, size_t count) {
  const auto begin = device.pool.begin() + static_cast<int64_t>(first);
  return {begin, begin + static_cast<int64_t>(count)};
}

/// The model that trains and the inference without LibTorch are the same function.
TEST(HelpMeta, TrainsWhatIsServed) {
  torch::set_num_threads(1);
  for (const Tables& tables : {synthetic_tables(300, 4), cells()}) {
    const Device device = make_device(tables, "fpga");
    const std::vector<size_t> support = from(device, 3, 10), query = from(device, 40, 7);
    const at::Tensor embedding = embedding_tensor(device);
    for (const Method& method : all_methods()) {
      MetaModel model(method, tables, 2);
      {
        const at::NoGradGuard no_gradient;  // steps that show
        for (const at::Tensor& each : model.parameters()) each.add_(0.002);
      }
      const AdaptOptions options{2, 1, 9};
      Random random(options.seed);
      std::vector<float> noise;
      for (int64_t i = 0; i < model.noise_size(); ++i) {
        noise.push_back(static_cast<float>(random.normal()));
      }
      const auto begin = model.begin(embedding, at::tensor(noise));
      EXPECT_EQ(begin.divergence.defined(), method.modulator);
      const Batch batch = make_batch(tables, device, support);
      const auto adapted = model.adapt(begin.weights, batch, embedding, 2, false);
      const at::Tensor expected =
          model.predict(adapted, make_batch(tables, device, query), embedding);
      const Adapted served(model.predictor(), device.embedding, tables.architectures.rows(support),
                           gather(device.labels, support), options);
      const std::vector<float> found = served.predict(tables.architectures.rows(query));
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_NEAR(found[i], expected[static_cast<int64_t>(i)].item<float>(), 1e-4)
            << method.name << ", " << i;
      }
    }
  }
}

/// Loss on queries after adapting, as a function of all that is learned.
at::Tensor meta_loss(const MetaModel& model, const Tables& tables, const Device& device,
                     bool second_order) {
  const at::Tensor embedding = embedding_tensor(device);
  const at::Tensor noise = at::ones({model.noise_size()}) * 0.5;
  const auto adapted =
      model.adapt(model.begin(embedding, noise).weights,
                  make_batch(tables, device, from(device, 0, 10)), embedding, 2, second_order);
  const Batch query = make_batch(tables, device, from(device, 50, 60));
  return (model.predict(adapted, query, embedding) - query.labels).square().mean();
}

/// Along its own direction, the gradient's square is what finite differences find; without the
/// second order it isn't.
TEST(HelpMeta, SecondOrderGradientsAreThoseOfFiniteDifferences) {
  torch::set_num_threads(1);
  const Tables tables = synthetic_tables(300, 4);
  const Device device = make_device(tables, "fpga");
  MetaModel model(find_method("help"), tables, 3);
  const std::vector<at::Tensor> parameters = model.parameters();
  {
    const at::NoGradGuard no_gradient;  // steps large enough for their curvature to matter
    for (const at::Tensor& each : parameters) {
      if (each.min().item<float>() == each.max().item<float>()) each.fill_(0.05);
    }
  }
  const auto gradient = [&](bool second_order) {
    for (const at::Tensor& each : parameters) each.mutable_grad() = at::zeros_like(each);
    meta_loss(model, tables, device, second_order).backward();
    std::vector<at::Tensor> found;
    for (const at::Tensor& each : parameters) found.push_back(each.grad().clone());
    return found;
  };
  const auto product = [](const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += (a[i] * b[i]).sum().item<double>();
    return sum;
  };
  const std::vector<at::Tensor> second = gradient(true), first = gradient(false);
  const double expected = product(second, second);
  const double step = 2e-3 / std::sqrt(expected);
  const auto moved = [&](double by) {
    {
      const at::NoGradGuard no_gradient;
      for (size_t i = 0; i < parameters.size(); ++i) parameters[i].add_(second[i], by);
    }
    const double loss = meta_loss(model, tables, device, false).item<double>();
    const at::NoGradGuard no_gradient;
    for (size_t i = 0; i < parameters.size(); ++i) parameters[i].add_(second[i], -by);
    return loss;
  };
  const double found = (moved(step) - moved(-step)) / (2 * step);
  EXPECT_NEAR(found / expected, 1, 0.03);
  EXPECT_GT(std::abs(product(first, second) / expected - 1), 0.06);
}

MetaOptions few_episodes() {
  MetaOptions options;
  options.episodes = 4;
  options.tasks = 3;
  options.query = 50;
  options.look_every = 2;
  options.seed = 5;
  return options;
}

TEST(HelpMeta, ResumedRunsEndAsUnbrokenOnes) {
  torch::set_num_threads(1);
  const Tables tables = synthetic_tables(300, 4);
  const TemporaryFolder folder;
  const auto ignore = [](const Look&, const Predictor&) {};
  const MetaTrained whole = meta_train(tables, find_method("help"), few_episodes(), ignore);
  MetaOptions broken = few_episodes();
  broken.checkpoint = folder.at("part");
  broken.episodes = 2;
  meta_train(tables, find_method("help"), broken, ignore);
  broken.episodes = 4;
  broken.resume = true;
  const MetaTrained resumed = meta_train(tables, find_method("help"), broken, ignore);
  const Encoded some = tables.architectures.rows(std::vector<size_t>{1, 2, 3});
  const std::vector<float> embedding(10, 0.5f);
  for (const auto& [a, b] : {std::pair(&whole.last, &resumed.last), {&whole.best, &resumed.best}}) {
    EXPECT_EQ(forward(a->network, some, embedding), forward(b->network, some, embedding));
    EXPECT_EQ(a->modulator[1].weight, b->modulator[1].weight);
    EXPECT_EQ(a->steps->trunk[1].weight, b->steps->trunk[1].weight);
  }
  EXPECT_EQ(whole.best_episode, resumed.best_episode);
  broken.seed = 6;
  EXPECT_THROW(meta_train(tables, find_method("help"), broken, ignore), Error);
}

TEST(HelpMeta, LearnsFromDevicesForOthers) {
  torch::set_num_threads(1);
  const Tables tables = synthetic_tables(400, 4);
  MetaOptions options = few_episodes();
  options.episodes = 60;
  options.look_every = 30;
  options.rate = 2e-3;
  std::vector<double> losses, validation;
  meta_train(tables, find_method("embedding-only"), options,
             [&](const Look& look, const Predictor&) {
               losses.push_back(look.loss);
               validation.push_back(look.validation);
               EXPECT_EQ(look.seed, 5u);
             });
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_LT(losses[1], losses[0]);
  EXPECT_GT(validation[1], 0.3);
  options.tasks = 10;
  EXPECT_THROW(meta_train(tables, find_method("help"), options, {}), Error);
  EXPECT_THROW(find_method("psychic"), Error);
}

TEST(HelpMeta, PredictorsAreLoadedIntoModelsOfTheirKindOnly) {
  const Tables tables = synthetic_tables(300, 4);
  MetaModel model(find_method("help"), tables, 1);
  const Predictor other = MetaModel(find_method("help"), tables, 2).predictor();
  model.load(other);
  EXPECT_EQ(model.predictor().network.head[0].weight, other.network.head[0].weight);
  EXPECT_THROW(model.load(MetaModel(find_method("maml"), tables, 2).predictor()), Error);
}

TEST(HelpMeta, MoreSamplesTeachARegressorMore) {
  torch::set_num_threads(1);
  const Tables tables = synthetic_tables(400, 4);
  const Device device = make_device(tables, "fpga");
  ScratchOptions how;
  how.epochs = 20;
  EvaluateOptions options;
  options.supports = 1;
  const double few = scratch(tables, device, options, how).spearman;
  options.samples = device.pool.size();
  EXPECT_GT(scratch(tables, device, options, how).spearman, few);
}

}  // namespace
}  // namespace betimes::systems::help

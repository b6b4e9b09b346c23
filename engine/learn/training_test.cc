#include "betimes/learn/training.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/base/error.h"
#include "betimes/learn/checkpoint.h"
#include "betimes/learn/trace.h"

namespace betimes::learn {
namespace {

namespace nn = torch::nn;

/// Learns a smooth function of two numbers; dropout and batch norm have state that a resumed run
/// must find again.
struct Problem {
  nn::Sequential net;
  TensorDataset data;
  Objective objective;

  explicit Problem(uint64_t seed = 1) : data(make_data()) {
    torch::manual_seed(seed);
    net = nn::Sequential(nn::Linear(2, 16), nn::BatchNorm1d(16), nn::ReLU(), nn::Dropout(0.1),
                         nn::Linear(16, 1));
    objective.loss = [this](const Batch& batch) {
      return torch::mse_loss(net->forward(batch.inputs[0]), batch.targets);
    };
    objective.score = [this] {
      const TensorDataset& set = data;
      std::mt19937_64 random(1);
      const Batch all = set.get(at::arange(set.size()), random);
      return -torch::mse_loss(net->forward(all.inputs[0]), all.targets).item<double>();
    };
  }

  static TensorDataset make_data() {
    torch::manual_seed(3);
    const at::Tensor x = at::rand({256, 2}) * 2 - 1;
    return {{x}, (x.select(1, 0) * x.select(1, 1)).unsqueeze(1)};
  }

  Trained run(const TrainingOptions& options, std::vector<Epoch>* epochs = nullptr) {
    return train(*net, data, objective, options, [&](const Epoch& epoch) {
      if (epochs) epochs->push_back(epoch);
    });
  }
};

TrainingOptions options(OptimizerOptions::Kind kind) {
  TrainingOptions o;
  o.epochs = 8;
  o.batch = 32;
  o.optimizer.kind = kind;
  o.optimizer.rate = kind == OptimizerOptions::Kind::sgd ? 0.05 : 0.01;
  o.optimizer.weight_decay = 1e-4;
  o.schedule = cosine(0.1);
  return o;
}

void expect_equal(const std::map<std::string, Tensor>& a, const std::map<std::string, Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    const Tensor& other = b.at(name);
    EXPECT_TRUE(std::equal(tensor.raw(), tensor.raw() + tensor.bytes(), other.raw())) << name;
  }
}

class Optimizers : public ::testing::TestWithParam<OptimizerOptions::Kind> {};

TEST_P(Optimizers, LearnAndResumeExactly) {
  TrainingOptions o = options(GetParam());
  o.optimizer.amsgrad = true;
  o.ema = 0.9;
  o.plateau.emplace(0.5, 1);
  Problem unbroken;
  std::vector<Epoch> epochs;
  const Trained whole = unbroken.run(o, &epochs);
  EXPECT_EQ(whole.epochs, 8);
  EXPECT_LT(epochs.back().loss, 0.7 * epochs.front().loss);
  EXPECT_DOUBLE_EQ(unbroken.objective.score(), whole.best);

  o.checkpoint = ::testing::TempDir() + "/resume" + std::to_string(static_cast<int>(GetParam())) +
                 ".safetensors";
  Problem first;
  TrainingOptions half = o;
  half.epochs = 8;
  int seen = 0;
  struct Killed {};
  EXPECT_THROW(train(*first.net, first.data, first.objective, half,
                     [&](const Epoch&) {
                       if (++seen == 3) throw Killed();
                     }),
               Killed);
  Problem second(99);  // other initial weights: all must come from the checkpoint
  o.resume = true;
  const Trained resumed = second.run(o);
  EXPECT_EQ(resumed.best, whole.best);
  EXPECT_EQ(resumed.best_epoch, whole.best_epoch);
  expect_equal(module_tensors(*second.net), module_tensors(*unbroken.net));
}

INSTANTIATE_TEST_SUITE_P(All, Optimizers,
                         ::testing::Values(OptimizerOptions::Kind::sgd,
                                           OptimizerOptions::Kind::adam,
                                           OptimizerOptions::Kind::adamw));

TEST(Training, StopsEarlyAndKeepsTheBestEpoch) {
  Problem problem;
  int calls = 0;
  problem.objective.score = [&] { return ++calls == 2 ? 1.0 : 0.5; };
  TrainingOptions o = options(OptimizerOptions::Kind::adam);
  o.patience = 3;
  std::vector<Epoch> epochs;
  std::map<std::string, Tensor> best;
  const Trained found =
      train(*problem.net, problem.data, problem.objective, o, [&](const Epoch& e) {
        epochs.push_back(e);
        if (e.number == 2) best = module_tensors(*problem.net);
      });
  EXPECT_EQ(found.best_epoch, 2);
  EXPECT_EQ(found.epochs, 5);
  expect_equal(module_tensors(*problem.net), best);
}

TEST(Training, AfterStepKeepsWhatMustHold) {
  Problem problem;
  problem.objective.after_step = [&] {
    for (at::Tensor& parameter : problem.net->parameters()) parameter.clamp_(-0.1, 0.1);
  };
  problem.run(options(OptimizerOptions::Kind::sgd));
  for (const at::Tensor& parameter : problem.net->parameters()) {
    EXPECT_LE(parameter.abs().max().item<float>(), 0.1f);
  }
}

TEST(Training, RefusesWhatCantBe) {
  Problem problem;
  TrainingOptions o = options(OptimizerOptions::Kind::sgd);
  o.epochs = 0;
  EXPECT_THROW(problem.run(o), Error);
  o = options(OptimizerOptions::Kind::sgd);
  o.optimizer.rate = 1e20;
  EXPECT_THROW(problem.run(o), Error);  // diverges
  o = options(OptimizerOptions::Kind::sgd);
  o.ema = 1;
  EXPECT_THROW(problem.run(o), Error);
}

TEST(Training, ACheckpointOfAnotherModuleOrSeedIsRefused) {
  TrainingOptions o = options(OptimizerOptions::Kind::sgd);
  o.epochs = 1;
  o.checkpoint = ::testing::TempDir() + "/other.safetensors";
  Problem problem;
  problem.run(o);
  o.resume = true;
  o.seed = 2;
  EXPECT_THROW(problem.run(o), Error);
  o.seed = 1;
  nn::Linear other(2, 1);
  Objective objective;
  objective.loss = [&](const Batch& batch) {
    return torch::mse_loss(other->forward(batch.inputs[0]), batch.targets);
  };
  EXPECT_THROW(train(*other, problem.data, objective, o, [](const Epoch&) {}), Error);
}

TEST(Training, GradientsAreClippedToTheirNorm) {
  nn::Linear layer(3, 1);
  Optimizer optimizer(*layer, {});
  (layer->weight.sum() * 100).backward();
  const double norm = optimizer.clip(1);
  EXPECT_NEAR(norm, 100 * std::sqrt(3.0), 1e-3);
  EXPECT_NEAR(layer->weight.grad().norm().item<double>(), 1, 1e-4);
}

TEST(Training, AnEpochIsALineForPeople) {
  Epoch epoch;
  epoch.number = 3;
  epoch.epochs = 16;
  epoch.seed = 7;
  epoch.rate = 0.01;
  epoch.seconds_left = 157;
  EXPECT_NE(to_string(epoch).find("epoch   3/16  seed 7"), std::string::npos);
  EXPECT_NE(to_string(epoch).find("2:37 left"), std::string::npos);
  EXPECT_EQ(to_string(epoch).find("score"), std::string::npos) << "nothing was validated";
  epoch.score = epoch.best = 0.5;
  EXPECT_NE(to_string(epoch).find("score 0.5000 (best 0.5000)"), std::string::npos);
}

TEST(Checkpoint, WeightsComeBackAndMisfitsAreNamed) {
  const std::string path = ::testing::TempDir() + "/weights.safetensors";
  nn::Linear layer(3, 2), same(3, 2), other(2, 3);
  save_weights(path, *layer, {{"seed", "1"}});
  load_weights(path, *same);
  EXPECT_TRUE(at::equal(layer->weight, same->weight));
  const at::Tensor before = other->weight.clone();
  try {
    load_weights(path, *other);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("bias"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(at::equal(before, other->weight));
}

}  // namespace
}  // namespace betimes::learn

#include "systems/search/mnasnet/train_controller.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>

#include "systems/search/mnasnet/testing.h"

namespace betimes::systems::mnasnet {
namespace {

/// Every legal sequence once, with the marks of what is illegal at each position.
ControllerImpl::Sample all_sequences(const TokenSpace& space) {
  std::vector<int64_t> tokens;
  int64_t count = 0;
  for (int64_t a = 0; a < 3; ++a) {
    for (int64_t b = 0; b < 2; ++b) {
      for (int64_t c = 0; c < 4; c += a == 2 ? 2 : 1, ++count) {
        tokens.insert(tokens.end(), {a, b, c});
      }
    }
  }
  ControllerImpl::Sample sample{torch::tensor(tokens).view({count, 3}),
                                torch::zeros({count, 3, 4}, torch::kBool)};
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t t = 0; t < 3; ++t) {
      sample.illegal[i][t].slice(0, space.tokens[static_cast<size_t>(t)].alternatives).fill_(true);
    }
    if (tokens[static_cast<size_t>(3 * i)] == 2) {
      sample.illegal[i][2][1] = true;
      sample.illegal[i][2][3] = true;
    }
  }
  return sample;
}

TEST(Controller, ProbabilitiesOfAllSequencesAddUpToOne) {
  torch::manual_seed(1);
  const TokenSpace space = small_space();
  Controller controller(space, 8, 4);
  {
    const torch::NoGradGuard no_gradient;
    for (at::Tensor& parameter : controller->parameters()) parameter.normal_();
  }
  const ControllerImpl::Sample all = all_sequences(space);
  const at::Tensor found = controller->log_probability(all).sum(1).exp();
  EXPECT_NEAR(found.sum().item<double>(), 1, 1e-5);
  // And they are what is drawn.
  constexpr int64_t draws = 20'000;
  const ControllerImpl::Sample drawn = controller->sample(draws);
  for (int64_t i = 0; i < all.tokens.size(0); ++i) {
    const double share =
        (drawn.tokens == all.tokens[i]).all(1).to(at::kDouble).mean().item<double>();
    EXPECT_NEAR(share, found[i].item<double>(), 0.02);
  }
}

TEST(Controller, NeverDrawsWhatIsIllegal) {
  torch::manual_seed(2);
  const TokenSpace space = small_space();
  Controller controller(space);
  const at::Tensor tokens = controller->sample(2000).tokens;
  for (int64_t i = 0; i < tokens.size(0); ++i) {
    const Tokens row = {tokens[i][0].item<int>(), tokens[i][1].item<int>(),
                        tokens[i][2].item<int>()};
    ASSERT_NO_THROW(space.check(row));
  }
}

TEST(PpoLoss, IsTheClippedObjectiveTokenByToken) {
  torch::manual_seed(3);
  const at::Tensor logits = torch::randn({4, 3, 5});
  const at::Tensor log_p = torch::log_softmax(logits, 2);
  const at::Tensor tokens = torch::randint(5, {4, 3}, torch::kLong);
  const at::Tensor now = log_p.gather(2, tokens.unsqueeze(2)).squeeze(2);
  const at::Tensor before = now + 0.5 * torch::randn({4, 3});
  const at::Tensor advantage = torch::randn({4});
  double expected = 0;
  for (int64_t b = 0; b < 4; ++b) {
    for (int64_t t = 0; t < 3; ++t) {
      const double ratio = std::exp(now[b][t].item<double>() - before[b][t].item<double>());
      const double gain = advantage[b].item<double>();
      const double clipped = std::clamp(ratio, 0.8, 1.2);
      double uncertain = 0;
      for (int64_t a = 0; a < 5; ++a) {
        const double l = log_p[b][t][a].item<double>();
        uncertain -= std::exp(l) * l;
      }
      expected -= (std::min(ratio * gain, clipped * gain) + 0.01 * uncertain) / 12;
    }
  }
  EXPECT_NEAR(ppo_loss(log_p, now, before, advantage, 0.2, 0.01).item<double>(), expected, 1e-5);
}

TEST(ControllerSearch, LearnsWhatIsRewarded) {
  TokenSpace space{"long", {}, {}};
  for (int i = 0; i < 12; ++i) space.tokens.push_back({"t", 4});
  const Judge judge = [](const Tokens& tokens) {
    int right = 0;
    for (const int token : tokens) right += token == 2;
    return Judged{(1.0 + right) / 13, 1, 1};
  };
  ControllerOptions options;
  options.samples = 1600;
  options.rate = 1e-2;
  options.entropy = 1e-2;
  options.seed = 5;
  const auto trials = controller_search(space, judge, Reward::soft(1), Cost::latency, options);
  ASSERT_EQ(trials.size(), 1600u);
  double early = 0, late = 0;
  for (size_t i = 0; i < 100; ++i) {
    early += trials[i].found.accuracy / 100;
    late += trials[trials.size() - 1 - i].found.accuracy / 100;
  }
  EXPECT_LT(early, 0.45);
  EXPECT_GT(late, 0.8);
  const auto again = controller_search(space, judge, Reward::soft(1), Cost::latency, options);
  EXPECT_EQ(again.back().tokens, trials.back().tokens);
}

TEST(ControllerSearch, LatencyInTheRewardKeepsItDown) {
  TokenSpace space{"long", {}, {}};
  for (int i = 0; i < 8; ++i) space.tokens.push_back({"t", 3});
  const Judge judge = [](const Tokens& tokens) {
    double work = 0;
    for (const int token : tokens) work += token;
    return Judged{0.5 + 0.02 * work, 1 + work, 17 - work};
  };
  ControllerOptions options;
  options.samples = 1600;
  options.rate = 1e-2;
  options.entropy = 1e-2;
  const auto late_ms = [&](const Reward& reward, Cost cost) {
    const auto trials = controller_search(space, judge, reward, cost, options);
    double sum = 0;
    for (size_t i = trials.size() - 200; i < trials.size(); ++i) sum += trials[i].found.ms / 200;
    return sum;
  };
  const double hard = late_ms(Reward::hard(6), Cost::latency);
  EXPECT_LT(hard, 7);
  EXPECT_GT(hard, 4);
  EXPECT_GT(late_ms({6, 0, 0}, Cost::latency), 13);     // accuracy alone
  EXPECT_GT(late_ms(Reward::hard(3), Cost::macs), 13);  // its cost falls as latency rises
}

}  // namespace
}  // namespace betimes::systems::mnasnet

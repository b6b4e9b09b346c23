#include "systems/search/proxylessnas/train_supernet.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>

#include "systems/search/proxylessnas/train_search.h"

namespace betimes::systems::proxylessnas {
namespace {

at::Tensor images() { return torch::rand({6, 1, 28, 28}); }
at::Tensor labels() { return torch::arange(6, torch::kLong); }

/// dL/dgate by autograd through the sum of all candidates, gates one-hot at `choice`: what a search
/// couldn't afford.
std::vector<torch::Tensor> brute_force(Supernet& net, const Space& space, const Choice& choice,
                                       const at::Tensor& x) {
  std::vector<torch::Tensor> gates;
  for (size_t l = 0; l < space.layers(); ++l) {
    torch::Tensor one = torch::zeros({static_cast<int64_t>(space.candidates(l).size())});
    one[static_cast<int64_t>(choice[l])] = 1;
    gates.push_back(one.requires_grad_());
  }
  search::smoothed_loss(net->forward_mixture(x, gates), labels()).backward();
  std::vector<torch::Tensor> found;
  for (const torch::Tensor& gate : gates) found.push_back(gate.grad());
  return found;
}

TEST(Supernet, GateGradientsAreThoseOfBruteForce) {
  torch::manual_seed(1);
  const Space space;
  Supernet net(space);
  Random random(7);
  for (int i = 0; i < 3; ++i) {
    const at::Tensor x = images();
    const Choice choice = space.random(random);
    const auto expected = brute_force(net, space, choice, x);
    Gates wanted;
    for (size_t l = 0; l < space.layers(); ++l) {
      wanted.push_back({choice[l]});
      for (size_t c = 0; c < space.candidates(l).size(); ++c) {
        if (c != choice[l]) wanted[l].push_back(c);
      }
    }
    GateGradients found;
    search::smoothed_loss(net->forward(x, wanted, found), labels()).backward();
    for (size_t l = 0; l < space.layers(); ++l) {
      for (size_t j = 0; j < wanted[l].size(); ++j) {
        const double exact = expected[l][static_cast<int64_t>(wanted[l][j])].item<double>();
        EXPECT_NEAR(found[l].at(j), exact, 1e-3 * (1 + std::abs(exact)))
            << l << " " << wanted[l][j];
      }
    }
  }
}

TEST(Supernet, OnePathLeavesTheOthersWithoutGradients) {
  torch::manual_seed(2);
  const Space space;
  Supernet net(space);
  Random random(3);
  const Choice choice = space.random(random);
  search::smoothed_loss(net->forward(images(), choice), labels()).backward();
  int with = 0, without = 0;
  for (const auto& parameter : net->named_parameters()) {
    bool used = !parameter.key().starts_with("layer");
    for (size_t l = 0; l < space.layers(); ++l) {
      used |= parameter.key().starts_with("layer" + std::to_string(l) + "_" +
                                          std::to_string(choice[l]) + ".");
    }
    EXPECT_EQ(parameter.value().grad().defined(), used) << parameter.key();
    ++(used ? with : without);
  }
  EXPECT_GT(with, 0);
  EXPECT_GT(without, with);
}

TEST(Supernet, OneHotMixtureIsThePath) {
  torch::manual_seed(4);
  const torch::NoGradGuard no_gradient;
  const Space space;
  Supernet net(space);
  net->eval();
  Random random(5);
  const Choice choice = space.random(random);
  std::vector<torch::Tensor> gates;
  for (size_t l = 0; l < space.layers(); ++l) {
    gates.push_back(torch::zeros({static_cast<int64_t>(space.candidates(l).size())}));
    gates.back()[static_cast<int64_t>(choice[l])] = 1;
  }
  const at::Tensor x = images();
  EXPECT_TRUE(torch::allclose(net->forward(x, choice), net->forward_mixture(x, gates), 1e-4, 1e-5));
}

/// The whole gradient by the weights, full mode: straight through the gates, chained through
/// softmax and the expected latency by autograd.
TEST(ArchitectureStep, FullGradientIsThatOfAutograd) {
  torch::manual_seed(6);
  const Space space;
  Supernet net(space);
  const Costs costs = mac_costs(space);
  Random random(11), same(11);
  std::vector<Weights> weights;
  for (size_t l = 0; l < space.layers(); ++l) {
    Weights& own = weights.emplace_back();
    for (size_t c = 0; c < space.candidates(l).size(); ++c) own.push_back(0.5 * random.normal());
  }
  for (size_t l = 0; l < space.layers(); ++l) {
    for (size_t c = 0; c < space.candidates(l).size(); ++c) same.normal();
  }
  for (const LatencyLoss::Form form : {LatencyLoss::Form::additive, LatencyLoss::Form::none}) {
    const LatencyLoss latency{form, 0.4, 0.2, costs.total(space.uniform(3, 6))};
    const at::Tensor x = images();
    const ArchitectureStep step =
        architecture_step(net, weights, costs, latency, Mode::full, x, labels(), random);
    Choice drawn;
    for (const Weights& own : weights) drawn.push_back(draw(softmax(own), same));
    const auto by_gate = brute_force(net, space, drawn, x);
    for (size_t l = 0; l < space.layers(); ++l) {
      const torch::Tensor alpha = torch::tensor(weights[l], torch::kDouble).requires_grad_();
      const torch::Tensor p = torch::softmax(alpha, 0);
      torch::Tensor loss = (p * by_gate[l].to(torch::kDouble)).sum();
      if (form == LatencyLoss::Form::additive) {
        loss = loss +
               0.4 * (p * torch::tensor(costs.of[l], torch::kDouble)).sum() / latency.reference_ms;
      }
      loss.backward();
      for (size_t c = 0; c < weights[l].size(); ++c) {
        EXPECT_NEAR(step.gradient[l][c], alpha.grad()[static_cast<int64_t>(c)].item<double>(),
                    2e-3);
      }
    }
  }
}

TEST(ArchitectureStep, TwoPathsTouchTwoWeightsWhoseGradientsCancel) {
  torch::manual_seed(8);
  const Space space;
  Supernet net(space);
  Random random(12);
  std::vector<Weights> weights;
  for (size_t l = 0; l < space.layers(); ++l) weights.emplace_back(space.candidates(l).size(), 0.0);
  const ArchitectureStep step = architecture_step(net, weights, mac_costs(space), {},
                                                  Mode::two_path, images(), labels(), random);
  for (size_t l = 0; l < space.layers(); ++l) {
    double sum = 0;
    for (size_t c = 0; c < weights[l].size(); ++c) {
      const bool of_pair = c == step.pairs[l].active || c == step.pairs[l].inactive;
      EXPECT_EQ(step.gradient[l][c] != 0, of_pair);
      sum += step.gradient[l][c];
    }
    EXPECT_NEAR(sum, 0, 1e-9);
  }
}

TEST(PeakTensorBytes, CountsWhatIsAliveAtOnce) {
  const int64_t both = peak_tensor_bytes(
      [] { const at::Tensor a = torch::zeros({1 << 18}), b = torch::zeros({1 << 18}); });
  const int64_t one = peak_tensor_bytes([] {
    torch::zeros({1 << 18});
    torch::zeros({1 << 18});
  });
  EXPECT_GE(both, 2 << 20);
  EXPECT_LT(both, (2 << 20) + 4096);
  EXPECT_GE(one, 1 << 20);
  EXPECT_LT(one, (1 << 20) + 4096);
}

/// Images whose class a single pixel tells: any path learns them, so costs decide.
search::Images easy(int64_t count, uint64_t seed) {
  torch::manual_seed(seed);
  search::Images set{0.2 * torch::rand({count, 1, 28, 28}),
                     torch::randint(10, {count}, torch::kLong)};
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = set.labels[i].item<int64_t>();
    set.images[i][0].slice(0, 2 * label, 2 * label + 6).fill_(1);
  }
  return set;
}

Costs cheap_at(const Space& space, size_t candidate) {
  Costs costs = mac_costs(space);
  for (auto& own : costs.of) {
    for (size_t c = 0; c < own.size(); ++c) own[c] = c == candidate ? 0.1 : 1;
  }
  costs.fixed = 1;
  return costs;
}

SearchOptions short_search(const Space& space, const Costs& costs, Mode mode) {
  SearchOptions options;
  options.mode = mode;
  options.warm_up = 0;
  options.epochs = 2;
  options.batch = 16;
  options.arch_every = 1;
  options.arch_rate = 0.2;
  options.latency = {LatencyLoss::Form::additive, 200, 0.2, costs.total(space.uniform(3, 6))};
  return options;
}

TEST(Search, FindsTheCheapestWhereLatencyIsAllThatCounts) {
  torch::set_num_threads(1);
  const Space space;
  const Costs costs = cheap_at(space, 2);
  const search::Images data = easy(160, 1), held_out = easy(64, 2);
  const SearchResult full =
      search_architecture(space, costs, data, held_out, short_search(space, costs, Mode::full));
  EXPECT_EQ(full.choice, Choice(space.layers(), 2));
  const SearchOptions pairs = short_search(space, costs, Mode::two_path);
  const SearchResult found = search_architecture(space, costs, data, held_out, pairs);
  EXPECT_LT(found.latencies.back(), found.latencies.front());
  EXPECT_LT(found.entropies.back(), found.entropies.front());
  EXPECT_EQ(search_architecture(space, costs, data, held_out, pairs).choice, found.choice);
}

TEST(Search, LearnsFromStepsInWhichZeroIsActiveUnlessTold) {
  torch::set_num_threads(1);
  const Space space;
  const Costs costs = cheap_at(space, 2);
  const search::Images data = easy(64, 1), held_out = easy(64, 2);
  SearchOptions options = short_search(space, costs, Mode::two_path);
  options.epochs = 1;
  const SearchResult with = search_architecture(space, costs, data, held_out, options);
  options.learn_from_zero = false;
  const SearchResult without = search_architecture(space, costs, data, held_out, options);
  bool apart = false;
  for (size_t l = 0; l < space.layers(); ++l)
    apart = apart || with.weights[l] != without.weights[l];
  EXPECT_TRUE(apart);
}

TEST(Search, ByRewardMovesTowardsWhatIsFast) {
  torch::set_num_threads(1);
  const Space space;
  Costs costs = cheap_at(space, 2);
  for (auto& own : costs.of) {
    for (size_t c = 0; c < own.size(); ++c) own[c] = c == 2 ? 1e-4 : 100;
  }
  SearchOptions options = short_search(space, costs, Mode::reinforce);
  options.reinforce_samples = 6;
  const SearchResult found = search_architecture(space, costs, easy(160, 1), easy(64, 2), options);
  EXPECT_LT(found.latencies.back(), costs.total(space.uniform(3, 6)) * 0.95);
}

TEST(Search, GivesLayersUpWhereOnlyLatencyCounts) {
  torch::set_num_threads(1);
  const Space space;
  const Costs costs = cheap_at(space, 6);  // zero
  const SearchResult found = search_architecture(space, costs, easy(160, 1), easy(64, 2),
                                                 short_search(space, costs, Mode::full));
  for (size_t l = 0; l < space.layers(); ++l) {
    const bool stays = space.candidates(l).size() == 7;
    EXPECT_TRUE(!stays || found.choice[l] == 6) << l;
  }
}

}  // namespace
}  // namespace betimes::systems::proxylessnas

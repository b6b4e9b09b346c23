#include "betimes/fit/searches/detail/policy.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/fit/searches/detail/policy_search.h"

namespace betimes::fit::detail {
namespace {

KnobSpace make_space() {
  KnobSpace space;
  space.add({"n", Integers{0, 3}, int64_t{0}, ""});
  space.add({"c", Categories{{std::string("x"), std::string("y"), std::string("z")}},
             std::string("x"), ""});
  space.add({"r", Reals{0, 1}, 0.0, ""});
  return space;
}

Policy random_policy(uint64_t seed) {
  Policy policy(make_space());
  Random random(seed);
  for (auto& knob : policy.logits()) {
    for (double& logit : knob) logit = random.normal();
  }
  return policy;
}

/// Compares what was collected with central differences of `value`.
void expect_gradient(Policy policy, const std::function<double(const Policy&)>& value) {
  constexpr double step = 1e-5;
  for (size_t k = 0; k < policy.logits().size(); ++k) {
    for (size_t i = 0; i < policy.logits()[k].size(); ++i) {
      Policy above = policy, below = policy;
      above.logits()[k][i] += step;
      below.logits()[k][i] -= step;
      EXPECT_NEAR(policy.gradient()[k][i], (value(above) - value(below)) / (2 * step), 1e-8);
    }
  }
}

TEST(Policy, GradientsAreThoseOfDifferences) {
  for (const uint64_t seed : {1u, 2u, 3u}) {
    Policy policy = random_policy(seed);
    Random random(seed);
    const Policy::Action action = policy.sample(random, 0);
    policy.add_log_probability_gradient(action, 1.5);
    expect_gradient(policy, [&](const Policy& p) { return 1.5 * p.log_probability(action); });
    policy = random_policy(seed);
    policy.add_entropy_gradient(0.7);
    expect_gradient(policy, [&](const Policy& p) { return 0.7 * p.entropy(); });
  }
}

TEST(Policy, DrawsWithItsProbabilities) {
  const Policy policy = random_policy(4);
  Random random(4);
  std::vector<double> drawn(4, 0.0);
  constexpr int draws = 40'000;
  for (int i = 0; i < draws; ++i) drawn[policy.sample(random, 0)[0]] += 1.0 / draws;
  const auto p = policy.probabilities(0);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(drawn[i], p[i], 0.015);
}

TEST(Policy, ActionsAndSettingsAreInverse) {
  const Policy policy = random_policy(5);
  Random random(5);
  for (int i = 0; i < 50; ++i) {
    const Policy::Action action = policy.sample(random, 0.5);
    EXPECT_EQ(policy.action(policy.setting(action)), action);
  }
  Setting between = make_space().standard();
  between["r"] = 0.5001 / (Policy::most_levels - 1);
  EXPECT_EQ(policy.action(between)[2], 1u);
}

TEST(Policy, StepsForgetWhatWasCollected) {
  Policy policy = random_policy(6);
  const Policy before = policy;
  policy.add_log_probability_gradient({0, 0, 0}, 1);
  policy.step(0.1);
  EXPECT_GT(policy.log_probability({0, 0, 0}), before.log_probability({0, 0, 0}));
  Policy again = policy;
  again.step(0.1);
  EXPECT_EQ(again.logits(), policy.logits());
}

/// What a learner makes of the same ledger in which one category is always the better one.
Policy taught(const std::string& kind, const std::string& parameters) {
  const KnobSpace space = make_space();
  const Objective objective = Objective::under({});
  Ledger ledger(space, "test", 0);
  Random random(7);
  while (ledger.size() < 160) {
    const Setting setting = space.sample(random);
    const double quality = setting.at("c") == Value(std::string("y")) ? 1 : 0;
    ledger.append({setting, Outcome{quality, 1, {}}, "", 0, int64_t(ledger.size() / 8)});
  }
  Parameters options(kind, parameters);
  const Ingredients ingredients{space, objective, 1};
  const auto search =
      kind == "ppo" ? make_ppo(ingredients, options) : make_reinforce(ingredients, options);
  return dynamic_cast<PolicySearch&>(*search).learn(ledger);
}

TEST(Policy, LearnersPreferWhatIsRewarded) {
  for (const std::string kind : {"reinforce", "ppo"}) {
    EXPECT_GT(taught(kind, "").probabilities(1)[1], 0.8) << kind;
    // A large bonus for entropy keeps the policy near uniform.
    EXPECT_LT(taught(kind, "rate=0.2,entropy=5").probabilities(1)[1], 0.6) << kind;
  }
}

TEST(Policy, ClippingBoundsWhatOneRoundMoves) {
  const auto moved = [](const std::string& clip) {
    return taught("ppo", "entropy=0,rate=0.1,epochs=50,clip=" + clip).entropy();
  };
  EXPECT_GT(moved("0.01"), moved("0.5"));
}

}  // namespace
}  // namespace betimes::fit::detail

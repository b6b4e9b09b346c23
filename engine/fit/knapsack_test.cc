#include "betimes/fit/knapsack.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace betimes::fit {
namespace {

using Groups = std::vector<std::vector<Choice>>;

Groups random_groups(std::mt19937& random, int groups, int choices) {
  std::uniform_real_distribution<double> cost(0.0, 1.0);
  std::uniform_real_distribution<double> loss(-0.2, 1.0);
  Groups result(static_cast<size_t>(groups));
  for (auto& group : result) {
    for (int i = 0; i < choices; ++i) group.push_back({cost(random), loss(random)});
  }
  return result;
}

Choice total(const Groups& groups, const std::vector<size_t>& chosen) {
  Choice sum;
  for (size_t g = 0; g < groups.size(); ++g) {
    sum.cost += groups[g][chosen[g]].cost;
    sum.loss += groups[g][chosen[g]].loss;
  }
  return sum;
}

/// Every selection, one after the other.
template <class F>
void for_each_selection(const Groups& groups, F&& visit) {
  std::vector<size_t> chosen(groups.size(), 0);
  while (true) {
    visit(chosen);
    size_t g = 0;
    while (g < groups.size() && ++chosen[g] == groups[g].size()) chosen[g++] = 0;
    if (g == groups.size()) return;
  }
}

TEST(Knapsack, AgreesWithBruteForce) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    const Groups groups = random_groups(random, 1 + round % 7, 1 + round % 3);
    for (const double budget : {0.2, 1.0, 2.0, 3.5, 10.0}) {
      // Rounding up wastes at most one grid step a group: compare with that much less budget.
      const double slack = 7.0 * static_cast<double>(groups.size()) / 20000.0;
      double best = std::numeric_limits<double>::infinity();
      double best_with_less = best;
      for_each_selection(groups, [&](const std::vector<size_t>& chosen) {
        const Choice sum = total(groups, chosen);
        if (sum.cost <= budget) best = std::min(best, sum.loss);
        if (sum.cost <= budget - slack) best_with_less = std::min(best_with_less, sum.loss);
      });
      const auto chosen = choose_under_budget(groups, budget, 20000);
      ASSERT_EQ(chosen.has_value(), std::isfinite(best)) << "round " << round << " " << budget;
      if (!chosen) continue;
      const Choice found = total(groups, *chosen);
      EXPECT_LE(found.cost, budget + 1e-9);
      EXPECT_GE(found.loss, best - 1e-9);
      EXPECT_LE(found.loss, best_with_less + 1e-9);
    }
  }
}

TEST(Knapsack, RefusesWhatIsTooDear) {
  EXPECT_FALSE(choose_under_budget({{{2.0, 0.0}, {1.0, 1.0}}}, 0.5).has_value());
  EXPECT_EQ(choose_under_budget({{{2.0, 0.0}, {1.0, 1.0}}}, 1.0), std::vector<size_t>{1});
  EXPECT_EQ(choose_under_budget({{{2.0, 0.0}, {1.0, 1.0}}}, 2.0), std::vector<size_t>{0});
}

TEST(Knapsack, NoGroupsCostNothing) {
  EXPECT_TRUE(choose_under_budget({}, 0.0).has_value());
  EXPECT_FALSE(choose_under_budget({}, -1.0).has_value());
}

TEST(Knapsack, EqualCostsTakeTheLeastLoss) {
  EXPECT_EQ(choose_under_budget({{{1.0, 0.5}, {1.0, 0.1}}}, 1.0), std::vector<size_t>{1});
}

TEST(Knapsack, FrontierFallsInLossAndRisesInCost) {
  std::mt19937 random(11);
  const Groups groups = random_groups(random, 6, 3);
  const auto selections = frontier_selections(groups);
  ASSERT_GE(selections.size(), 2u);
  for (size_t i = 1; i < selections.size(); ++i) {
    EXPECT_LT(total(groups, selections[i]).loss, total(groups, selections[i - 1]).loss);
  }
  double least = std::numeric_limits<double>::infinity();
  for_each_selection(groups, [&](const std::vector<size_t>& chosen) {
    least = std::min(least, total(groups, chosen).loss);
  });
  EXPECT_NEAR(total(groups, selections.back()).loss, least, 1e-9);
}

}  // namespace
}  // namespace betimes::fit

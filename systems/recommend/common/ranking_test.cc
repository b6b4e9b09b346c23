#include "systems/recommend/common/ranking.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::recommend {
namespace {

/// By the definition: how often a click scores above a non-click.
double naive_auc(const std::vector<float>& scores, const std::vector<float>& labels) {
  double wins = 0, pairs = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    for (size_t j = 0; j < scores.size(); ++j) {
      if (labels[i] < 0.5f || labels[j] > 0.5f) continue;
      ++pairs;
      wins += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
    }
  }
  return wins / pairs;
}

TEST(Auc, IsHowOftenAClickScoresHigher) {
  Random random(1);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<float> scores, labels;
    const size_t n = 2 + random.below(40);
    for (size_t i = 0; i < n; ++i) {
      scores.push_back(static_cast<float>(random.below(8)));  // many ties
      labels.push_back(i < 2 ? static_cast<float>(i) : static_cast<float>(random.below(2)));
    }
    EXPECT_NEAR(auc(scores, labels), naive_auc(scores, labels), 1e-12);
  }
}

TEST(Auc, GroupsAreWeightedByImpressions) {
  const std::vector<float> scores = {1, 2, 5, 4, 3, 9}, labels = {0, 1, 0, 1, 1, 1};
  const std::vector<int32_t> users = {1, 1, 2, 2, 2, 3};
  EXPECT_NEAR(grouped_auc(scores, labels, users), (2 * 1.0 + 3 * 0.0) / 5, 1e-12);
}

TEST(Auc, NeedsBothKinds) {
  EXPECT_THROW(auc(std::vector<float>{1, 2}, std::vector<float>{1, 1}), Error);
  EXPECT_THROW(auc(std::vector<float>{}, std::vector<float>{}), Error);
  EXPECT_THROW(auc(std::vector<float>{1}, std::vector<float>{1, 0}), Error);
}

TEST(LogLoss, IsCrossEntropy) {
  EXPECT_NEAR(log_loss(std::vector<float>{0.25f, 0.5f}, std::vector<float>{1, 0}),
              (std::log(4.0) + std::log(2.0)) / 2, 1e-7);
  EXPECT_TRUE(std::isfinite(log_loss(std::vector<float>{0, 1}, std::vector<float>{1, 0})));
}

}  // namespace
}  // namespace betimes::systems::recommend

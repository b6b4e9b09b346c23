#include "systems/search/cbnet/exits.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::cbnet {
namespace {

/// -sum p log p as it is written, in double.
double naive_entropy(std::span<const float> logits) {
  double sum = 0, found = 0;
  for (const float logit : logits) sum += std::exp(double{logit});
  for (const float logit : logits) {
    const double p = std::exp(double{logit}) / sum;
    if (p > 0) found -= p * std::log(p);
  }
  return found;
}

TEST(Entropy, IsThatOfTheDefinition) {
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    std::array<float, 10> logits{};
    for (float& logit : logits) logit = static_cast<float>(random.normal() * 5);
    EXPECT_NEAR(entropy(logits), naive_entropy(logits), 1e-12);
  }
}

TEST(Entropy, HasItsExtremes) {
  EXPECT_NEAR(entropy(std::array<float, 10>{}), std::log(10), 1e-12);
  EXPECT_EQ(entropy(std::array<float, 3>{0, 1e4f, 0}), 0);  // exp() of either would overflow
  EXPECT_NEAR(entropy(std::array<float, 3>{-1e30f, 7, 7}), std::log(2), 1e-12);
}

TEST(ExitRule, TakesWhatIsNotAboveTheThreshold) {
  EXPECT_TRUE(takes_exit(0.3, 0.3));
  EXPECT_FALSE(takes_exit(0.30001, 0.3));
}

double accuracy_at(const std::vector<ExitPair>& images, double tau) {
  double right = 0;
  for (const ExitPair& image : images) {
    right += takes_exit(image.entropy, tau) ? image.first_right : image.last_right;
  }
  return right / static_cast<double>(images.size());
}

TEST(Threshold, IsTheLargestThatKeepsTheAccuracy) {
  Random random(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<ExitPair> images(60);
    double last = 0;
    for (ExitPair& image : images) {
      image.entropy = std::round(random.uniform() * 20) / 20;  // with ties
      image.first_right = random.uniform() > image.entropy;
      image.last_right = random.uniform() > 0.2;
      last += image.last_right / 60.0;
    }
    const double tolerance = 0.03, largest = 0.7;
    const double tau = choose_tau(images, tolerance, largest);
    if (tau > 0) {
      EXPECT_GE(accuracy_at(images, tau), last - tolerance - 1e-9);
    }
    // No threshold above it, among all that differ, keeps it.
    for (double other = 0; other <= largest + 1e-9; other += 0.025) {
      if (other <= tau) continue;
      if (accuracy_at(images, other) == accuracy_at(images, tau)) continue;
      EXPECT_LT(accuracy_at(images, other), last - tolerance + 1e-9) << other << " over " << tau;
    }
  }
}

TEST(Threshold, EndsAtTheLargestOfInterest) {
  EXPECT_EQ(choose_tau({{0.1, true, false}, {2.0, true, false}}), largest_tau);
  EXPECT_EQ(choose_tau({{0.1, false, true}, {0.4, true, true}}, 0), 0);
  EXPECT_THROW(choose_tau({}), Error);
}

}  // namespace
}  // namespace betimes::systems::cbnet

#include "systems/search/cbnet/train_targets.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "betimes/base/error.h"

namespace betimes::systems::cbnet {
namespace {

const std::vector<std::string> names = {"cat", "dog", "owl"};

/// Random features of three classes, most images easy.
Seen random_seen(int64_t count, uint64_t seed) {
  torch::manual_seed(seed);
  Seen seen;
  seen.features = torch::randn({count, 7});
  seen.entropy = torch::rand({count}, torch::kDouble);
  seen.labels = torch::randint(0, 3, {count}, torch::kLong);
  seen.easy = torch::rand({count}) < 0.6;
  return seen;
}

search::Images images_of(const Seen& seen) {
  return {torch::rand({seen.labels.size(0), 1, 28, 28}), seen.labels};
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.size(0); ++i) {
    const double apart = a[i].item<double>() - b[i].item<double>();
    sum += apart * apart;
  }
  return std::sqrt(sum);
}

/// The row with the least sum of distances, by two loops.
int64_t naive_medoid(const at::Tensor& features) {
  int64_t best = -1;
  double least = std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < features.size(0); ++i) {
    double sum = 0;
    for (int64_t j = 0; j < features.size(0); ++j) sum += distance(features[i], features[j]);
    if (sum >= least) continue;
    least = sum;
    best = i;
  }
  return best;
}

std::vector<int64_t> list(const at::Tensor& numbers) {
  std::vector<int64_t> found;
  for (int64_t i = 0; i < numbers.size(0); ++i) found.push_back(numbers[i].item<int64_t>());
  return found;
}

TEST(Medoid, IsTheOneOfBruteForce) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    torch::manual_seed(seed);
    const at::Tensor features = torch::randn({40, 6});
    EXPECT_EQ(medoid(features), naive_medoid(features));
  }
  EXPECT_EQ(medoid(torch::zeros({1, 3})), 0);
}

TEST(Medoids, AreThoseOfGroupsByEntropy) {
  const Seen seen = random_seen(60, 1);
  const at::Tensor which = seen.easy.nonzero().flatten();
  std::vector<int64_t> order = list(which);
  std::ranges::sort(order, {}, [&](int64_t row) { return seen.entropy[row].item<double>(); });
  constexpr size_t groups = 3;
  std::vector<int64_t> expected;
  for (size_t g = 0; g < groups; ++g) {
    const std::vector<int64_t> group(
        order.begin() + static_cast<int64_t>(g * order.size() / groups),
        order.begin() + static_cast<int64_t>((g + 1) * order.size() / groups));
    const at::Tensor rows = torch::tensor(group, torch::kLong);
    expected.push_back(
        group[static_cast<size_t>(naive_medoid(seen.features.index_select(0, rows)))]);
  }
  EXPECT_EQ(list(medoids(seen, which, groups)), expected);
  EXPECT_EQ(medoids(seen, which.slice(0, 0, 2), 5).size(0), 2);  // no more than there are
}

TEST(Targets, AreEasyImagesOfTheSameClass) {
  const Seen seen = random_seen(200, 2);
  const search::Images images = images_of(seen);
  std::mt19937_64 random(1);
  for (const TargetRule rule :
       {TargetRule::random_easy, TargetRule::nearest_easy, TargetRule::prototype}) {
    for (const int64_t prototypes : {1, 3}) {
      const ConversionPairs pairs(images, seen, names, {rule, prototypes, false});
      const at::Tensor targets = pairs.targets(torch::arange(200), random);
      EXPECT_TRUE(seen.easy.index_select(0, targets).all().item<bool>()) << name(rule);
      EXPECT_TRUE(seen.labels.index_select(0, targets).equal(seen.labels)) << name(rule);
    }
  }
}

TEST(Targets, OfPrototypesAreTheNearestMedoid) {
  const Seen seen = random_seen(120, 3);
  std::mt19937_64 random(1);
  const ConversionPairs one(images_of(seen), seen, names, {TargetRule::prototype, 1, false});
  const ConversionPairs two(images_of(seen), seen, names, {TargetRule::prototype, 2, false});
  for (int64_t c = 0; c < 3; ++c) {
    const auto of_class = seen.labels == c;
    const at::Tensor easy = of_class.logical_and(seen.easy).nonzero().flatten();
    const auto single = list(medoids(seen, easy, 1));
    const auto pair = list(medoids(seen, easy, 2));
    for (const int64_t row : list(of_class.nonzero().flatten())) {
      const at::Tensor chosen = torch::tensor({row}, torch::kLong);
      EXPECT_EQ(list(one.targets(chosen, random)), single);
      const auto far = [&](int64_t other) {
        return distance(seen.features[row], seen.features[other]);
      };
      const int64_t closest = far(pair[0]) <= far(pair[1]) ? pair[0] : pair[1];
      EXPECT_EQ(list(two.targets(chosen, random)).front(), closest);
    }
  }
}

TEST(Targets, NearestIsTheOneOfBruteForceAndItselfForEasyImages) {
  const Seen seen = random_seen(90, 4);
  std::mt19937_64 random(1);
  const ConversionPairs pairs(images_of(seen), seen, names, {TargetRule::nearest_easy, 1, false});
  const auto targets = list(pairs.targets(torch::arange(90), random));
  for (int64_t row = 0; row < 90; ++row) {
    int64_t best = -1;
    for (int64_t other = 0; other < 90; ++other) {
      const bool fits = seen.easy[other].item<bool>() &&
                        seen.labels[other].item<int64_t>() == seen.labels[row].item<int64_t>();
      if (!fits) continue;
      if (best < 0 || distance(seen.features[row], seen.features[other]) <
                          distance(seen.features[row], seen.features[best])) {
        best = other;
      }
    }
    EXPECT_EQ(targets[static_cast<size_t>(row)], best);
    if (seen.easy[row].item<bool>()) {
      EXPECT_EQ(targets[static_cast<size_t>(row)], row);
    }
  }
}

TEST(Targets, AtRandomAreDrawnAnewFromAllEasyOnes) {
  const Seen seen = random_seen(60, 5);
  const ConversionPairs pairs(images_of(seen), seen, names, {TargetRule::random_easy, 1, false});
  std::mt19937_64 random(1);
  const at::Tensor row = torch::zeros({1}, torch::kLong);
  std::vector<int64_t> found;
  for (int i = 0; i < 400; ++i) found.push_back(list(pairs.targets(row, random)).front());
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  const at::Tensor of_class = seen.labels == seen.labels[0];
  EXPECT_EQ(found, list(of_class.logical_and(seen.easy).nonzero().flatten()));
}

TEST(Targets, EasyImagesCanBeTheirOwn) {
  const Seen seen = random_seen(60, 6);
  const ConversionPairs pairs(images_of(seen), seen, names, {TargetRule::random_easy, 1, true});
  std::mt19937_64 random(1);
  const at::Tensor easy = seen.easy.nonzero().flatten();
  EXPECT_TRUE(pairs.targets(easy, random).equal(easy));
}

TEST(Targets, AClassWithoutEasyImagesIsRefusedByName) {
  Seen seen = random_seen(60, 7);
  seen.easy = seen.easy.logical_and(seen.labels != 1);
  try {
    const ConversionPairs pairs(images_of(seen), seen, names, {});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("dog"), std::string::npos) << error.what();
  }
  // The lower bar helps that class alone.
  std::vector<std::string> lowered;
  const at::Tensor right = torch::ones({60}, torch::kBool);
  const at::Tensor easy = with_lower_bar(seen, right, names, lowered);
  EXPECT_EQ(lowered, std::vector<std::string>{"dog"});
  EXPECT_TRUE(easy.equal(seen.easy.logical_or(seen.labels == 1)));
  lowered.clear();
  seen.easy = torch::ones({60}, torch::kBool);
  EXPECT_TRUE(with_lower_bar(seen, right, names, lowered).equal(seen.easy));
  EXPECT_TRUE(lowered.empty());
}

TEST(Targets, BadOptionsAreRefused) {
  const Seen seen = random_seen(60, 8);
  EXPECT_THROW(ConversionPairs(images_of(seen), seen, names, {TargetRule::prototype, 0, false}),
               Error);
}

}  // namespace
}  // namespace betimes::systems::cbnet

#include "systems/hardware/wa-hls4ml/split.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::wa_hls4ml {
namespace {

/// Every network at several requested reuse factors, of which some are rounded to the same.
std::vector<Sample> near_duplicates() {
  std::vector<Sample> samples;
  for (const int64_t size : {8, 12, 16, 20, 24, 28, 32, 36}) {
    for (const int64_t bits : {2, 4, 8}) {
      for (const int64_t reuse : {1, 3, 5, 16, 17, 1000, 2000}) {
        Sample sample;
        sample.network = dense_chain(std::vector<int64_t>{size, 16, 8}, bits, reuse);
        if (reuse > 1) sample.costs = Costs{};
        samples.push_back(sample);
      }
    }
  }
  return samples;
}

/// Sizes and bits, by loops: what must not be on two sides.
std::vector<int64_t> kind(const Sample& sample) {
  std::vector<int64_t> found;
  for (const Layer& layer : sample.network.layers) {
    found.insert(found.end(), {layer.in[0], layer.out[0], layer.precision});
  }
  return found;
}

void expect_disjoint(const Split& split, const std::vector<Sample>& samples) {
  std::map<std::vector<int64_t>, std::set<int>> sides;
  std::set<size_t> all;
  int side = 0;
  for (const auto* part : {&split.training, &split.validation, &split.test}) {
    EXPECT_FALSE(part->empty());
    for (const size_t i : *part) {
      sides[kind(samples[i])].insert(side);
      EXPECT_TRUE(all.insert(i).second);
    }
    ++side;
  }
  EXPECT_EQ(all.size(), samples.size());
  for (const auto& [which, on] : sides) EXPECT_EQ(on.size(), 1u) << "a network leaks";
}

TEST(WaSplit, NearDuplicatesStayTogether) {
  const auto samples = near_duplicates();
  const Split split = split_samples(samples, 0.25, 0.25, 3);
  expect_disjoint(split, samples);
  EXPECT_EQ(split.test.size(), 6u * 7);
  EXPECT_EQ(split.validation.size(), 6u * 7);
  EXPECT_EQ(split_samples(samples, 0.25, 0.25, 3).test, split.test);
  EXPECT_NE(split_samples(samples, 0.25, 0.25, 4).test, split.test);
  EXPECT_THROW(split_samples(samples, 0.5, 0.5, 3), Error);
  EXPECT_THROW(split_samples(samples, 0, 0.5, 3), Error);
  EXPECT_THROW(split_samples(std::span(samples).first(7), 0.3, 0.3, 3), Error) << "one kind only";
}

TEST(WaSplit, FoldsTestEverySampleOnce) {
  const auto samples = near_duplicates();
  const auto folds = fold_samples(samples, 5, 0.2, 1);
  ASSERT_EQ(folds.size(), 5u);
  std::multiset<size_t> tested;
  for (const Split& fold : folds) {
    expect_disjoint(fold, samples);
    tested.insert(fold.test.begin(), fold.test.end());
  }
  EXPECT_EQ(tested.size(), samples.size());
  for (size_t i = 0; i < samples.size(); ++i) EXPECT_EQ(tested.count(i), 1u);
  EXPECT_THROW(fold_samples(samples, 1, 0.2, 1), Error);
  EXPECT_THROW(fold_samples(samples, 20, 0.2, 1), Error);
}

TEST(WaSplit, FailuresAreLeftOutWhereCostsAreWanted) {
  const auto samples = near_duplicates();
  const std::vector<size_t> which = {0, 1, 7, 8};
  EXPECT_EQ(choose(samples, which, false).size(), 4u);
  EXPECT_EQ(choose(samples, which, true).size(), 2u);
}

}  // namespace
}  // namespace betimes::systems::wa_hls4ml

#include "betimes/learn/loader.h"

#include <gtest/gtest.h>

#include <set>

#include "betimes/base/error.h"

namespace betimes::learn {
namespace {

TensorDataset numbers(int64_t n) { return {{at::arange(n)}, at::arange(n) * 10}; }

std::vector<int64_t> order(const Loader& loader, int epoch) {
  std::vector<int64_t> all;
  loader.epoch(epoch, [&](const Batch& batch) {
    EXPECT_TRUE(at::equal(batch.inputs[0] * 10, batch.targets));
    for (int64_t i = 0; i < batch.targets.size(0); ++i) {
      all.push_back(batch.inputs[0][i].item<int64_t>());
    }
  });
  return all;
}

TEST(Loader, EveryExampleOnceInAnOrderOfSeedAndEpoch) {
  const TensorDataset data = numbers(23);
  const Loader loader(data, {5, 7, true, false});
  EXPECT_EQ(loader.steps(), 5);
  const auto first = order(loader, 1);
  EXPECT_EQ(std::set<int64_t>(first.begin(), first.end()).size(), 23u);
  EXPECT_EQ(first, order(Loader(data, {5, 7, true, false}), 1));
  EXPECT_NE(first, order(loader, 2));
  EXPECT_NE(first, order(Loader(data, {5, 8, true, false}), 1));
}

TEST(Loader, TheIncompleteBatchIsLeftOutOnDemand) {
  const TensorDataset data = numbers(23);
  EXPECT_EQ(order(Loader(data, {5, 7, true, true}), 1).size(), 20u);
  const auto plain = order(Loader(data, {4, 7, false, false}), 3);
  for (int64_t i = 0; i < 23; ++i) EXPECT_EQ(plain[static_cast<size_t>(i)], i);
}

TEST(Loader, RefusesBatchesThatCantBe) {
  const TensorDataset data = numbers(3);
  EXPECT_THROW(Loader(data, {0, 1, true, true}), Error);
  EXPECT_THROW(Loader(data, {4, 1, true, true}), Error);
  EXPECT_EQ(order(Loader(data, {4, 1, true, false}), 1).size(), 3u);
  EXPECT_THROW(TensorDataset({at::arange(3)}, at::arange(4)), Error);
  EXPECT_THROW(TensorDataset({}, at::empty({0})), Error);
}

}  // namespace
}  // namespace betimes::learn

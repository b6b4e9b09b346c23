#include "systems/hardware/common/train_segments.h"

#include <gtest/gtest.h>
#include <torch/autograd.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/hardware/common/train_graph_batch.h"

namespace betimes::systems::hardware {
namespace {

constexpr int64_t rows = 40, width = 3, segments = 9;

struct Drawn {
  std::vector<int64_t> segment;
  std::vector<double> values;  // [rows, width]
  at::Tensor index, tensor;
};

/// Segment 4 stays empty.
Drawn draw(uint64_t seed) {
  Random random(seed);
  Drawn found;
  for (int64_t i = 0; i < rows; ++i) {
    const auto segment = static_cast<int64_t>(random.below(segments - 1));
    found.segment.push_back(segment == 4 ? 8 : segment);
    for (int64_t j = 0; j < width; ++j) found.values.push_back(10 * random.normal());
  }
  found.index = at::tensor(found.segment, at::TensorOptions(at::kLong));
  found.tensor = at::tensor(found.values, at::TensorOptions(at::kDouble)).view({rows, width});
  return found;
}

std::vector<double> of_segment(const Drawn& drawn, int64_t segment, int64_t column) {
  std::vector<double> found;
  for (size_t i = 0; i < drawn.segment.size(); ++i) {
    if (drawn.segment[i] != segment) continue;
    found.push_back(drawn.values[i * width + static_cast<size_t>(column)]);
  }
  return found;
}

TEST(Segments, AreReducedAsByLoops) {
  const Drawn drawn = draw(1);
  const at::Tensor sums = segment_sum(drawn.tensor, drawn.index, segments);
  const at::Tensor means = segment_mean(drawn.tensor, drawn.index, segments);
  const at::Tensor highest = segment_max(drawn.tensor, drawn.index, segments);
  const at::Tensor least = segment_min(drawn.tensor, drawn.index, segments);
  for (int64_t s = 0; s < segments; ++s) {
    for (int64_t j = 0; j < width; ++j) {
      const std::vector<double> own = of_segment(drawn, s, j);
      ASSERT_EQ(own.empty(), s == 4);
      double sum = 0;
      for (const double value : own) sum += value;
      const double count = static_cast<double>(std::max<size_t>(own.size(), 1));
      EXPECT_NEAR(sums[s][j].item<double>(), sum, 1e-12);
      EXPECT_NEAR(means[s][j].item<double>(), sum / count, 1e-12);
      EXPECT_EQ(highest[s][j].item<double>(), own.empty() ? 0 : std::ranges::max(own));
      EXPECT_EQ(least[s][j].item<double>(), own.empty() ? 0 : std::ranges::min(own));
    }
  }
}

TEST(Segments, SoftmaxIsWithinTheSegment) {
  Drawn drawn = draw(2);
  // Far from 0, exp() alone would overflow; and one segment's height must not matter to another's.
  drawn.tensor = drawn.tensor + 2000 * drawn.index.to(at::kDouble).unsqueeze(1);
  const at::Tensor found = segment_softmax(drawn.tensor, drawn.index, segments);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      const double own = drawn.values[static_cast<size_t>(i * width + j)];
      double sum = 0;
      for (const double other : of_segment(drawn, drawn.segment[static_cast<size_t>(i)], j)) {
        sum += std::exp(other - own);
      }
      EXPECT_NEAR(found[i][j].item<double>(), 1 / sum, 1e-9);
    }
  }
}

/// Against differences of the function itself.
TEST(Segments, GradientsAreThoseOfTheFunction) {
  const auto weigh = [](const at::Tensor& found) {
    return (found * at::arange(found.numel(), at::kDouble).view(found.sizes()).cos()).sum();
  };
  const Drawn drawn = draw(3);
  for (const auto function :
       {segment_sum, segment_mean, segment_max, segment_min, segment_softmax}) {
    const at::Tensor x = drawn.tensor.clone().requires_grad_(true);
    const at::Tensor slope =
        torch::autograd::grad({weigh(function(x, drawn.index, segments))}, {x})[0];
    for (const int64_t i : {0, 7, 33}) {
      at::Tensor up = drawn.tensor.clone(), down = drawn.tensor.clone();
      up[i][1] += 1e-5;
      down[i][1] -= 1e-5;
      const double expected = (weigh(function(up, drawn.index, segments)) -
                               weigh(function(down, drawn.index, segments)))
                                  .item<double>() /
                              2e-5;
      EXPECT_NEAR(slope[i][1].item<double>(), expected, 1e-6);
    }
  }
}

TEST(Segments, OtherShapesAreRefused) {
  const at::Tensor values = at::zeros({3, 2});
  EXPECT_THROW(segment_sum(values, at::zeros({2}, at::kLong), 1), Error);
  EXPECT_THROW(segment_sum(values, at::zeros({3}, at::kFloat), 1), Error);
  EXPECT_THROW(segment_max(values, at::zeros({3, 1}, at::kLong), 1), Error);
  EXPECT_THROW(segment_max(values, at::tensor({0, 1, 7}, at::kLong), 2), Error);
  EXPECT_EQ(segment_max(at::zeros({0, 2}), at::zeros({0}, at::kLong), 3).size(0), 3);
  EXPECT_EQ(segment_sum(at::zeros({0, 2}), at::zeros({0}, at::kLong), 3).size(0), 3);
}

TEST(GraphBatches, AreNumberedThrough) {
  const std::vector<EdgeList> graphs = {{2, {{0, 1}, {1, 1}}}, {0, {}}, {3, {{2, 0}}}};
  const GraphBatch batch = join(graphs);
  EXPECT_TRUE(batch.source.equal(at::tensor({0, 1, 4}, at::kLong)));
  EXPECT_TRUE(batch.target.equal(at::tensor({1, 1, 2}, at::kLong)));
  EXPECT_TRUE(batch.graph.equal(at::tensor({0, 0, 2, 2, 2}, at::kLong)));
  EXPECT_EQ(batch.graphs, 3);
  const GraphBatch looped = with_self_loops(batch);
  EXPECT_TRUE(looped.source.equal(at::tensor({0, 4, 0, 1, 2, 3, 4}, at::kLong)));
  EXPECT_TRUE(looped.target.equal(at::tensor({1, 2, 0, 1, 2, 3, 4}, at::kLong)));
  const std::vector<EdgeList> wrong = {{2, {{0, 2}}}};
  EXPECT_THROW(join(wrong), Error);
}

TEST(GraphBatches, ChainsAreWhatJoiningThemGives) {
  const std::vector<int64_t> lengths = {3, 1, 0, 4, 2};
  std::vector<EdgeList> lists;
  for (const int64_t length : lengths) {
    EdgeList one{length, {}};
    for (int64_t i = 0; i + 1 < length; ++i) one.edges.emplace_back(i, i + 1);
    lists.push_back(one);
  }
  const GraphBatch expected = join(lists);
  const GraphBatch found = chains(at::tensor(lengths, at::TensorOptions(at::kLong)));
  EXPECT_TRUE(found.source.equal(expected.source));
  EXPECT_TRUE(found.target.equal(expected.target));
  EXPECT_TRUE(found.graph.equal(expected.graph));
  EXPECT_EQ(found.graphs, expected.graphs);
  EXPECT_THROW(chains(at::tensor({2, -1}, at::kLong)), Error);
  EXPECT_EQ(chains(at::tensor({1}, at::kLong)).source.numel(), 0);
}

}  // namespace
}  // namespace betimes::systems::hardware

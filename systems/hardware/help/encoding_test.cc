#include "systems/hardware/help/encoding.h"

#include <gtest/gtest.h>

#include <numeric>

#include "betimes/base/error.h"

namespace betimes::systems::help {
namespace {

std::vector<float> block_of(const std::vector<float>& all, size_t i) {
  return {all.begin() + static_cast<int64_t>(6 * i), all.begin() + static_cast<int64_t>(6 * i + 6)};
}

TEST(HelpEncoding, FbnetBlocksAreKernelAndKind) {
  std::vector<int> blocks(fbnet_blocks, fbnet_skip);
  blocks[0] = 0;
  blocks[1] = 6;
  blocks[21] = 7;
  const std::vector<float> found = encode_fbnet(blocks, "one");
  ASSERT_EQ(found.size(), 132u);
  EXPECT_EQ(block_of(found, 0), (std::vector<float>{1, 0, 1, 0, 0, 0}));
  EXPECT_EQ(block_of(found, 1), (std::vector<float>{0, 1, 0, 0, 1, 0}));
  EXPECT_EQ(block_of(found, 2), std::vector<float>(6));
  EXPECT_EQ(block_of(found, 21), (std::vector<float>{0, 1, 0, 0, 0, 1}));
  blocks[3] = 9;
  EXPECT_THROW(encode_fbnet(blocks, "one"), Error);
  EXPECT_THROW(encode_fbnet(std::vector<int>(21), "one"), Error);
}

std::vector<int> ofa_network(int resolution, int depth) {
  std::vector<int> numbers = {resolution};
  numbers.insert(numbers.end(), 5, depth);
  numbers.insert(numbers.end(), 20, 5);
  numbers.insert(numbers.end(), 20, 6);
  return numbers;
}

TEST(HelpEncoding, OfaLeavesOutWhatADepthDoes) {
  const std::vector<float> deep = encode_ofa(ofa_network(128, 4), "deep"),
                           shallow = encode_ofa(ofa_network(224, 2), "shallow");
  ASSERT_EQ(deep.size(), 145u);
  EXPECT_EQ(std::accumulate(deep.begin(), deep.end(), 0.0f), 41);
  EXPECT_EQ(std::accumulate(shallow.begin(), shallow.end(), 0.0f), 21);
  EXPECT_EQ(deep[1], 1);       // kernel 5 of block 0
  EXPECT_EQ(deep[60 + 2], 1);  // expansion 6
  EXPECT_EQ(deep[120], 1);     // 128
  EXPECT_EQ(shallow[144], 1);  // 224
  EXPECT_EQ(shallow[3 * 2 + 1], 0);
  EXPECT_EQ(shallow[3 * 4 + 1], 1);
}

TEST(HelpEncoding, OfaRefusesOtherNumbers) {
  for (const auto& [place, value] :
       {std::pair(0, 126), {0, 130}, {0, 228}, {1, 5}, {6, 4}, {26, 5}}) {
    std::vector<int> numbers = ofa_network(160, 3);
    numbers[static_cast<size_t>(place)] = value;
    EXPECT_THROW(encode_ofa(numbers, "bad"), Error) << place << " " << value;
  }
  EXPECT_THROW(encode_ofa(std::vector<int>(45), "short"), Error);
}

TEST(HelpEncoding, EveryNodeOfACellHasOneKind) {
  const std::vector<float> found = encode_cell(std::vector<int>{0, 1, 2, 3, 4, 0}, "cell");
  ASSERT_EQ(found.size(), 72u);
  for (size_t node = 0; node < 9; ++node) {
    EXPECT_EQ(std::accumulate(found.begin() + static_cast<int64_t>(8 * node),
                              found.begin() + static_cast<int64_t>(8 * node + 8), 0.0f),
              1);
  }
  EXPECT_EQ(found[71], 1);  // the global node
  EXPECT_THROW(encode_cell(std::vector<int>{0, 1, 2, 3, 4, 5}, "cell"), Error);
  EXPECT_THROW(encode_cell(std::vector<int>{0, 1, 2, 3, 4}, "cell"), Error);
}

TEST(HelpEncoding, TheGlobalNodeReadsAllAndNobodyReadsIt) {
  const std::vector<float> found = cell_adjacency();
  const auto reads = [&](size_t node, size_t from) { return found[9 * node + from] == 1; };
  for (size_t i = 0; i < 9; ++i) {
    EXPECT_TRUE(reads(i, i));
    EXPECT_TRUE(reads(8, i));
    EXPECT_EQ(reads(i, 8), i == 8);
  }
  EXPECT_TRUE(reads(3, 1) && reads(5, 1) && reads(7, 6));  // 1->2 and 1->3 begin where 0->1 ends
  EXPECT_FALSE(reads(1, 3) || reads(7, 1));
}

TEST(HelpEncoding, RowsAreTakenAndTurnedNodeByNode) {
  Encoded all;
  all.width = 2;
  all.nodes = 2;
  all.features = {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23};
  EXPECT_EQ(all.count(), 3u);
  const std::vector<size_t> which = {2, 0};
  const Encoded taken = all.rows(which);
  EXPECT_EQ(taken.features, (std::vector<float>{20, 21, 22, 23, 0, 1, 2, 3}));
  EXPECT_EQ(taken.node_major(), (std::vector<float>{20, 21, 0, 1, 22, 23, 2, 3}));
  EXPECT_THROW(all.rows(std::vector<size_t>{3}), Error);
}

TEST(HelpEncoding, MacsOfFbnetAreAddedUp) {
  std::vector<int> blocks(fbnet_blocks, fbnet_skip);
  const double skips = fbnet_macs(blocks);
  blocks[0] = 3;  // k3, expansion 6: 16 -> 96 -> 16 at 112 x 112
  EXPECT_DOUBLE_EQ(fbnet_macs(blocks) - skips, (16 * 96 + 96 * (9 + 16)) * 112.0 * 112);
  blocks[0] = 5;  // k5 in two groups
  EXPECT_DOUBLE_EQ(fbnet_macs(blocks) - skips, (16 * 16 / 2 + 16 * (25 + 8)) * 112.0 * 112);
}

}  // namespace
}  // namespace betimes::systems::help

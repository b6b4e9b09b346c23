#include "systems/search/common/block_net.h"

#include <gtest/gtest.h>

#include <set>

#include "betimes/base/error.h"

namespace betimes::systems::search {
namespace {

Block block(Operator op, int kernel, int expansion, int width, int repeats, int stride) {
  return {op, kernel, expansion, 0, Skip::identity, width, repeats, stride};
}

BlockNet small_net() {
  BlockNet net;
  net.stem = 8;
  net.blocks = {block(Operator::mbconv, 3, 1, 8, 1, 1), block(Operator::mbconv, 5, 3, 12, 2, 2),
                block(Operator::separable, 3, 1, 20, 1, 2), block(Operator::conv, 3, 1, 24, 1, 1)};
  net.head = 40;
  return net;
}

/// Multiplications of one convolution, counted one output at a time.
int64_t counted(int in, int out, int kernel, int stride, int groups, int side) {
  int64_t count = 0;
  for (int y = 0; y < side; y += stride) {
    for (int x = 0; x < side; x += stride) {
      for (int o = 0; o < out; ++o) count += int64_t{in / groups} * kernel * kernel;
    }
  }
  return count;
}

TEST(BlockNet, RepeatsStrideOnceAndKeepTheirShapeAfterwards) {
  const std::vector<Layer> found = layers(small_net());
  ASSERT_EQ(found.size(), 8u);  // stem, 5 layers, head, classifier
  EXPECT_EQ(found[0], (Layer{Operator::conv, 1, 8, 28, 3, 2, 1, 0, Skip::none, false}));
  EXPECT_EQ(found[1].skip, Skip::identity);
  EXPECT_EQ(found[2], (Layer{Operator::mbconv, 8, 12, 14, 5, 2, 3, 0, Skip::none, false}));
  EXPECT_EQ(found[3], (Layer{Operator::mbconv, 12, 12, 7, 5, 1, 3, 0, Skip::identity, false}));
  EXPECT_EQ(found[4].resolution, 7);
  EXPECT_EQ(found[5].resolution, 4);
  EXPECT_EQ(found[7], (Layer{Operator::classifier, 40, 10, 4, 1, 1, 1, 0, Skip::none, false}));
}

TEST(BlockNet, CountsWhatItsConvolutionsMultiply) {
  int64_t expected = counted(1, 8, 3, 2, 1, 28);
  expected += counted(8, 8, 3, 1, 8, 14) + counted(8, 8, 1, 1, 1, 14);
  expected +=
      counted(8, 24, 1, 1, 1, 14) + counted(24, 24, 5, 2, 24, 14) + counted(24, 12, 1, 1, 1, 7);
  expected +=
      counted(12, 36, 1, 1, 1, 7) + counted(36, 36, 5, 1, 36, 7) + counted(36, 12, 1, 1, 1, 7);
  expected += counted(12, 12, 3, 2, 12, 7) + counted(12, 20, 1, 1, 1, 4);
  expected += counted(20, 24, 3, 1, 1, 4) + counted(24, 40, 1, 1, 1, 4) + 40 * 10;
  EXPECT_EQ(macs(small_net()), expected);
}

TEST(BlockNet, DifferentLayersHaveDifferentKeys) {
  std::set<std::string> keys;
  size_t count = 0;
  for (const Operator op : {Operator::conv, Operator::separable, Operator::mbconv}) {
    for (const int kernel : {3, 5}) {
      for (const int out : {8, 16}) {
        for (const double squeeze : {0.0, 0.25}) {
          for (const Skip skip : {Skip::none, Skip::identity, Skip::pool}) {
            for (const bool relu6 : {false, true}) {
              keys.insert(key({op, 8, out, 14, kernel, 1, 3, squeeze, skip, relu6}));
              ++count;
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(keys.size(), count);
  const Layer layer{Operator::mbconv, 8, 16, 14, 3, 2, 6, 0.25, Skip::none, false};
  EXPECT_EQ(key(layer), "mbconv i8 o16 r14 k3 s2 e6 se0.25 none");
}

TEST(BlockNet, WidthsAreRoundedAsMobileNetDoes) {
  EXPECT_EQ(rounded_width(32, 8), 32);
  EXPECT_EQ(rounded_width(3, 8), 8);
  EXPECT_EQ(rounded_width(33, 8), 32);
  EXPECT_EQ(rounded_width(11.9, 8), 16);  // 8 would be less than nine tenths
  const BlockNet half = scaled(small_net(), 0.5);
  EXPECT_EQ(half.stem, 4);
  EXPECT_EQ(half.blocks[2].width, 12);  // 10 lies halfway and goes up
  EXPECT_EQ(half.classes, 10);
  EXPECT_LT(macs(half), macs(small_net()) / 2);
  EXPECT_THROW(scaled(small_net(), 0), Error);
}

TEST(BlockNet, RefusesWhatCannotBeBuilt) {
  const auto refused = [](const Block& bad) {
    BlockNet net = small_net();
    net.blocks.push_back(bad);
    EXPECT_THROW(layers(net), Error) << describe(net);
  };
  refused(block(Operator::mbconv, 4, 3, 24, 1, 1));
  refused(block(Operator::mbconv, 3, 3, 24, 0, 1));
  refused(block(Operator::mbconv, 3, 3, 24, 1, 3));
  refused(block(Operator::mbconv, 3, 3, 0, 1, 1));
  refused(block(Operator::mbconv, 3, 0, 24, 1, 1));
  refused(block(Operator::zero, 3, 1, 32, 1, 1));
  refused(block(Operator::zero, 3, 1, 24, 1, 2));
  refused(block(Operator::classifier, 3, 1, 24, 1, 1));
  refused({Operator::mbconv, 3, 3, 2, Skip::identity, 24, 1, 1});
  refused({Operator::mbconv, 3, 3, 0, Skip::pool, 8, 1, 1});
  BlockNet net = small_net();
  net.stem = 0;
  EXPECT_THROW(layers(net), Error);
}

TEST(BlockNet, ZeroIsALayerThatCostsNothing) {
  BlockNet net = small_net(), without = net;
  net.blocks.insert(net.blocks.begin() + 1, block(Operator::zero, 3, 1, 8, 1, 1));
  EXPECT_EQ(layers(net).size(), layers(without).size() + 1);
  EXPECT_EQ(macs(net), macs(without));
  EXPECT_EQ(parameters(net), parameters(without));
}

TEST(BlockText, ReadsMnasNetsNotation) {
  int in = 0;
  const Block found = parse_block("r4_k5_s22_e6_i96_o192_se0.25_noskip", in);
  EXPECT_EQ(found, (Block{Operator::mbconv, 5, 6, 0.25, Skip::none, 192, 4, 2}));
  EXPECT_EQ(in, 96);
  for (const char* bad :
       {"", "r1", "r1_k3_s11_e1_i32", "r1_k3_s11_e1_i32_o16_x", "r1_k3_s12_e1_i32_o16",
        "r1_k3_s11_e1_i32_o16_o17", "r_k3_s11_e1_i32_o16", "r1_k3_s11_e1_i32_o16_",
        "r1_k3x_s11_e1_i32_o16", "r99999999999_k3_s11_e1_i32_o16", "r1__k3_s11_e1_i32_o16"}) {
    EXPECT_THROW(parse_block(bad, in), Error) << bad;
  }
}

}  // namespace
}  // namespace betimes::systems::search

#include "systems/search/mnasnet/own_space.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/search/mnasnet/named.h"

namespace betimes::systems::mnasnet {
namespace {

using search::Layer;
using search::Operator;
using search::Skip;

Tokens drawn(const TokenSpace& space, Random& random) {
  Tokens tokens;
  while (tokens.size() < space.length()) {
    const std::vector<bool> legal = space.mask(tokens);
    int choice = 0;
    do {
      choice = static_cast<int>(random.below(legal.size()));
    } while (!legal[static_cast<size_t>(choice)]);
    tokens.push_back(choice);
  }
  return tokens;
}

TEST(OwnSpace, WhatIsLegalCanBeBuiltAndIsWhatItSays) {
  for (const Sharing sharing : {Sharing::cell, Sharing::factorised, Sharing::free}) {
    const TokenSpace space = own_space(sharing);
    Random random(4);
    for (int i = 0; i < 500; ++i) {
      const search::BlockNet net = own_net(sharing, drawn(space, random));
      for (const Layer& layer : search::layers(net)) {
        EXPECT_FALSE(layer.op == Operator::conv && layer.kernel == 5);
        EXPECT_TRUE(layer.skip != Skip::pool || layer.out >= layer.in);
      }
      // A block that says "identity" has a layer with one.
      for (const search::Block& block : net.blocks) {
        search::BlockNet alone = net;
        alone.blocks = {block};
        alone.stem = block.stride == 1 && block.repeats == 1 ? block.width : 12;
        bool any = false;
        for (const Layer& layer : search::layers(alone)) any |= layer.skip == Skip::identity;
        EXPECT_EQ(any, block.skip == Skip::identity);
      }
    }
  }
}

TEST(OwnSpace, MasksWhatIsIllegal) {
  const TokenSpace space = own_space(Sharing::factorised);
  ASSERT_EQ(space.length(), 18u);
  // The first block has one layer in the base network: none is no choice.
  EXPECT_EQ(space.mask({}), (std::vector<bool>{false, true, true}));
  const auto skips = [&](Tokens block) { return space.mask(block); };
  // One layer of the stem's width and stride 1: everything is possible.
  EXPECT_EQ(skips({1, 1, 1, 0, 0}), (std::vector<bool>{true, true, true}));
  // Wider than the stem: the only layer changes the shape.
  EXPECT_EQ(skips({1, 2, 1, 0, 0}), (std::vector<bool>{true, false, true}));
  // Two layers: the second one keeps the shape.
  EXPECT_EQ(skips({2, 2, 1, 0, 0}), (std::vector<bool>{true, true, true}));
  // Narrower than the stem (8 of 12): nothing to pool into.
  EXPECT_EQ(skips({1, 0, 1, 0, 0}), (std::vector<bool>{false, false, true}));
  // A regular convolution has no 5 x 5 form.
  EXPECT_EQ(space.mask(Tokens{1, 1, 0}), (std::vector<bool>{true, false}));
  EXPECT_EQ(space.mask(Tokens{1, 1, 2}), (std::vector<bool>{true, true}));
  EXPECT_THROW(own_net(Sharing::factorised, Tokens(18, 0)), Error);
}

TEST(OwnSpace, FreeLayersThatAreNotThereAreIgnored) {
  const TokenSpace space = own_space(Sharing::free);
  Random random(8);
  int checked = 0;
  while (checked < 20) {
    Tokens tokens = drawn(space, random);
    if (tokens[0] != 1) continue;  // one layer in the first block: the third isn't there
    const auto before = search::describe(own_net(Sharing::free, tokens));
    tokens[2 + 2 * 4 + 2] ^= 1;  // squeeze of the third layer
    EXPECT_EQ(search::describe(own_net(Sharing::free, tokens)), before);
    ++checked;
  }
}

TEST(NamedNets, HaveThePublishedSizes) {
  // torchvision's mnasnet1_0 has this many parameters.
  EXPECT_EQ(search::parameters(named_net("b1").net), 4'383'312);
  for (const NamedNet& named : named_nets()) {
    EXPECT_NEAR(static_cast<double>(search::parameters(named.net)) / 1e6, named.parameters, 0.05);
    if (named.macs > 0) {
      EXPECT_NEAR(static_cast<double>(search::macs(named.net)) / 1e6, named.macs, 1.0);
    }
  }
  EXPECT_THROW(named_net("c1"), Error);
}

}  // namespace
}  // namespace betimes::systems::mnasnet

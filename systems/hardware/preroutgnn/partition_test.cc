#include "systems/hardware/preroutgnn/partition.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "betimes/base/error.h"
#include "systems/hardware/preroutgnn/stand_in.h"

namespace betimes::systems::preroutgnn {
namespace {

Circuit circuit() { return stand_in_circuits(4, 2, 600).training[0]; }

TEST(PreRoutePartition, OwnsEveryPinOnceInOrder) {
  const Circuit made = circuit();
  for (const int64_t most : {1, 60, 150, 100'000}) {
    const auto blocks = partition(made, most);
    std::vector<int> owners(made.pins(), 0);
    int64_t next = 0;
    for (const Block& block : blocks) {
      EXPECT_EQ(block.first_level, next);
      EXPECT_EQ(block.first_level % 2, 0);
      EXPECT_EQ((block.last_level - block.first_level) % 2, 1);
      next = block.last_level + 1;
      for (const int32_t pin : block.own) {
        ++owners[static_cast<size_t>(pin)];
        EXPECT_GE(made.level[static_cast<size_t>(pin)], block.first_level);
        EXPECT_LE(made.level[static_cast<size_t>(pin)], block.last_level);
      }
      const bool smallest = block.last_level == block.first_level + 1;
      EXPECT_TRUE(smallest || static_cast<int64_t>(block.own.size()) <= most);
    }
    EXPECT_EQ(next, made.levels);
    EXPECT_EQ(owners, std::vector<int>(made.pins(), 1));
    if (most > static_cast<int64_t>(made.pins())) {
      EXPECT_EQ(blocks.size(), 1U);
    } else {
      EXPECT_GT(blocks.size(), 1U);
    }
  }
}

TEST(PreRoutePartition, HasHaloAndSourcesOfItsEdges) {
  const Circuit made = circuit();
  const int64_t halo = 2;
  for (const Block& block : partition(made, 100, halo)) {
    const std::set<int32_t> pins(block.pins.begin(), block.pins.end()),
        own(block.own.begin(), block.own.end());
    EXPECT_EQ(pins.size(), block.pins.size());
    EXPECT_TRUE(std::is_sorted(block.pins.begin(), block.pins.end()));
    std::set<int32_t> wanted;
    for (size_t i = 0; i < made.pins(); ++i) {
      if (made.level[i] >= block.first_level - halo && made.level[i] <= block.last_level + halo) {
        wanted.insert(static_cast<int32_t>(i));
      }
    }
    for (const NetEdge& each : made.nets) {
      if (own.contains(each.sink)) wanted.insert(each.driver);
    }
    for (const CellEdge& each : made.arcs) {
      if (own.contains(each.output)) wanted.insert(each.input);
    }
    EXPECT_EQ(pins, wanted);
  }
}

TEST(PreRoutePartition, WholeHasAll) {
  const Circuit made = circuit();
  const Block block = whole(made);
  EXPECT_EQ(block.own.size(), made.pins());
  EXPECT_EQ(block.pins, block.own);
}

TEST(PreRoutePartition, RefusesLimitsAndOddLevels) {
  Circuit made = circuit();
  EXPECT_THROW(partition(made, 0), Error);
  EXPECT_THROW(partition(made, 10, -1), Error);
  made.levels += 1;
  EXPECT_THROW(partition(made, 10), Error);
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

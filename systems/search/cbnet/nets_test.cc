#include "systems/search/cbnet/nets.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"

namespace betimes::systems::cbnet {
namespace {

// The specification's table: 0.26 M, 0.48 M, 0.12 M and 0.17 M, here to the last one.
TEST(Costs, AreThoseOfTheTable) {
  EXPECT_EQ(converter_macs({}), 784 * 256 + 256 * 128 + 128 * 32 + 32 * 784);
  EXPECT_EQ(converter_macs({256, 128, 32, true}), 2 * (784 * 256 + 256 * 128 + 128 * 32));
  EXPECT_EQ(front_macs({}), 5 * 5 * 5 * 24 * 24 + 3 * 3 * 5 * 10 * 10 * 10 + 250 * 10);
  EXPECT_EQ(trunk_macs({}), 5 * 5 * 5 * 10 * 8 * 8 + 5 * 5 * 10 * 20 * 4 * 4 + 80 * 84 + 84 * 10);
  EXPECT_EQ(plain_macs({}), 784 * 256 + 256 * 128 + 128 * 10);
  EXPECT_NEAR(static_cast<double>(converter_macs({})), 0.26e6, 0.005e6);
  EXPECT_NEAR(static_cast<double>(converter_macs({256, 128, 32, true})), 0.48e6, 0.005e6);
  EXPECT_NEAR(static_cast<double>(front_macs({})), 0.12e6, 0.005e6);
  EXPECT_NEAR(static_cast<double>(trunk_macs({})), 0.17e6, 0.005e6);
}

TEST(Costs, ACompositionCostsWhatItsPartsDo) {
  const auto table = cost_table({}, {});
  ASSERT_EQ(table.size(), 8u);
  EXPECT_EQ(table[4].macs, table[0].macs + table[2].macs);
  EXPECT_EQ(table[5].macs, conv1_macs({}) + table[3].macs);
  EXPECT_EQ(table[6].macs, table[2].macs + table[3].macs);
  EXPECT_EQ(table[7].macs, table[4].macs + table[2].macs);
}

TEST(Widths, GrowAndShrink) {
  const LenetWidths wide = wider_trunk({}, 10);
  EXPECT_EQ(wide, (LenetWidths{5, 10, 100, 200, 840}));
  EXPECT_EQ(front_macs(wide), front_macs({}));
  EXPECT_EQ(kept_share({}, 1), LenetWidths{});
  EXPECT_EQ(kept_share({}, 0.4), (LenetWidths{2, 4, 4, 8, 34}));
  EXPECT_EQ(kept_share({}, 0.01), (LenetWidths{1, 1, 1, 1, 1}));
}

TEST(Widths, ThatCannotBeAreRefused) {
  EXPECT_THROW(wider_trunk({}, 0), Error);
  EXPECT_THROW(kept_share({}, 0), Error);
  EXPECT_THROW(kept_share({}, 1.5), Error);
  EXPECT_THROW(check(ConverterWidths{256, 128, 0, false}), Error);
  EXPECT_THROW(check(PlainWidths{0, 1}), Error);
}

}  // namespace
}  // namespace betimes::systems::cbnet

#include "systems/hardware/preroutgnn/library.h"

#include <gtest/gtest.h>

namespace betimes::systems::preroutgnn {
namespace {

TEST(PreRouteLibrary, InterpolatesWhatIsBilinearExactly) {
  // Inside and beyond the axes, any bilinear function is its own interpolation.
  const auto value = [](double s, double l) { return 0.3 + 0.5 * s - 2 * l + 1.5 * s * l; };
  Table table{{0.1f, 0.4f, 1.0f, 2.5f}, {0.02f, 0.07f, 0.3f}, {}};
  for (const float s : table.rows) {
    for (const float l : table.columns) table.values.push_back(static_cast<float>(value(s, l)));
  }
  for (const double s : {-0.5, 0.0, 0.1, 0.25, 0.4, 0.99, 1.7, 2.5, 4.0}) {
    for (const double l : {0.0, 0.02, 0.05, 0.07, 0.29, 0.3, 0.9}) {
      EXPECT_NEAR(table.at(s, l), value(s, l), 2e-5) << s << ' ' << l;
    }
  }
}

TEST(PreRouteLibrary, BendsAtEntries) {
  const Table table{{1, 2, 3}, {}, {0, 10, 0}};
  EXPECT_DOUBLE_EQ(table.at(1.5, 7), 5);
  EXPECT_DOUBLE_EQ(table.at(2, 7), 10);
  EXPECT_DOUBLE_EQ(table.at(2.25, 7), 7.5);
  EXPECT_DOUBLE_EQ(table.at(4, 7), -10) << "the outermost line goes on";
  EXPECT_DOUBLE_EQ((Table{{}, {1, 2}, {4, 6}}.at(9, 3)), 8);
  EXPECT_DOUBLE_EQ((Table{{}, {}, {4}}.at(9, 3)), 4);
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

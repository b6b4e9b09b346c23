#include "systems/hardware/preroutgnn/place.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/hardware/preroutgnn/rows.h"
#include "systems/hardware/preroutgnn/testing.h"

namespace betimes::systems::preroutgnn {
namespace {

TEST(PreRoutePlacement, StandsInRowsWithoutOverlap) {
  const Netlist netlist = stand_in_design(1, 1500).netlist;
  const Library& library = stand_in_library();
  const Placement placement = place(netlist, library);
  ASSERT_EQ(placement.instances.size(), netlist.instances.size());
  std::map<double, std::vector<std::pair<double, double>>> rows;  // left and right ends
  for (size_t i = 0; i < netlist.instances.size(); ++i) {
    const double half = library.cells[static_cast<size_t>(netlist.instances[i].cell)].width / 2;
    rows[placement.instances[i].y].emplace_back(placement.instances[i].x - half,
                                                placement.instances[i].x + half);
  }
  EXPECT_EQ(rows.size(), static_cast<size_t>(placement.height / library.row_height + 0.5));
  for (auto& [y, row] : rows) {
    EXPECT_NEAR(y / library.row_height - static_cast<int>(y / library.row_height), 0.5, 1e-9);
    std::sort(row.begin(), row.end());
    EXPECT_GE(row.front().first, -1e-9);
    EXPECT_LE(row.back().second, placement.width + 1e-9);
    for (size_t i = 1; i < row.size(); ++i) EXPECT_GE(row[i].first, row[i - 1].second - 1e-9);
  }
  for (const Point& port : placement.ports) {
    const bool border =
        port.x == 0 || port.y == 0 || port.x == placement.width || port.y == placement.height;
    EXPECT_TRUE(border);
  }
}

TEST(PreRoutePlacement, ShortensNets) {
  const Netlist netlist = stand_in_design(2, 1500).netlist;
  const Placement placed = place(netlist, stand_in_library());
  Placement shuffled = placed;
  Random random(1);
  random.shuffle(std::span(shuffled.instances));
  EXPECT_LT(half_perimeters(netlist, placed), 0.6 * half_perimeters(netlist, shuffled));
  EXPECT_EQ(half_perimeters(netlist, place(netlist, stand_in_library())),
            half_perimeters(netlist, placed));
}

TEST(PreRoutePlacement, SpreadsInOrder) {
  std::vector<Point> line;
  for (int i = 0; i < 8; ++i) line.push_back({50 + 0.01 * i, 5});
  const auto found = spread(line, std::vector<double>(8, 1), 80, 1);
  for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(found[i].x, 5 + 10 * static_cast<double>(i), 1e-9);
}

TEST(PreRoutePlacement, RefusesWhatHasNoSize) {
  EXPECT_THROW(place(Netlist{}, stand_in_library()), Error);
  Library library = stand_in_library();
  for (LibraryCell& cell : library.cells) cell.width = cell.area = 0;
  EXPECT_THROW(place(stand_in_design(3, 100).netlist, library), Error);
  StandIn design = stand_in_design(3, 100);
  design.placement.height = 0;
  EXPECT_THROW(labelled_stand_in(design, 1), Error);
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

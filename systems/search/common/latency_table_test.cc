#include "systems/search/common/latency_table.h"

#include <gtest/gtest.h>

#include <limits>

#include "betimes/base/error.h"

namespace betimes::systems::search {
namespace {

BlockNet net_of(int kernel) {
  BlockNet net;
  net.blocks = {{Operator::mbconv, kernel, 3, 0, Skip::identity, 16, 2, 1},
                {Operator::zero, 3, 1, 0, Skip::identity, 16, 1, 1}};
  return net;
}

LatencyTable table_of(const BlockNet& net) {
  LatencyTable table;
  double ms = 0.25;
  for (const Layer& layer : layers(net)) {
    if (layer.op != Operator::zero && !table.has(layer)) table.add(key(layer), ms *= 2);
  }
  return table;
}

TEST(LatencyTable, SumsItsLayersAndZeroCostsNothing) {
  const LatencyTable table = table_of(net_of(3));
  EXPECT_EQ(table.size(), 4u);
  EXPECT_DOUBLE_EQ(table.sum(net_of(3)), 0.5 + 1 + 1 + 2 + 4);
}

TEST(LatencyTable, AHoleIsAnError) {
  const LatencyTable table = table_of(net_of(3));
  EXPECT_THROW(table.sum(net_of(5)), Error);
  EXPECT_FALSE(table.has(layers(net_of(5))[1]));
}

TEST(LatencyTable, RefusesTimesThatCannotBe) {
  LatencyTable table;
  table.add("a", 1);
  EXPECT_THROW(table.add("a", 2), Error);
  EXPECT_THROW(table.add("b", 0), Error);
  EXPECT_THROW(table.add("b", -1), Error);
  EXPECT_THROW(table.add("b", std::numeric_limits<double>::infinity()), Error);
  EXPECT_THROW(table.add("b", std::numeric_limits<double>::quiet_NaN()), Error);
  EXPECT_EQ(table.size(), 1u);
}

TEST(LatencyTable, IsReadBackAsItWasWritten) {
  const LatencyTable table = table_of(net_of(5));
  const LatencyTable again = LatencyTable::parse(table.csv(), "table.csv");
  EXPECT_EQ(again.csv(), table.csv());
  EXPECT_DOUBLE_EQ(again.sum(net_of(5)), table.sum(net_of(5)));
  for (const char* bad : {"", "layer\n", "layer,ms\na,b\n", "layer,ms\na,1,2\n", "layer,ms\na,-1\n",
                          "layer,ms\na,1\na,1\n", "layer,ms\na,1e999\n", "layer,ms\na,nan\n",
                          "ms,layer\n1,a\n", "layer,ms\na,\n"}) {
    EXPECT_THROW(LatencyTable::parse(bad, "bad"), Error) << bad;
  }
}

TEST(Affine, FindsTheLineThatPointsLieOn) {
  const std::vector<double> x = {1, 2, 5, 9};
  std::vector<double> y;
  for (const double each : x) y.push_back(0.3 + 1.7 * each);
  const Affine line = fit_affine(x, y);
  EXPECT_NEAR(line.offset, 0.3, 1e-12);
  EXPECT_NEAR(line.slope, 1.7, 1e-12);
  // The least squares of three points that lie on none: slope 1/2, through their mean.
  const Affine rough = fit_affine({0, 1, 2}, {0, 2, 1});
  EXPECT_NEAR(rough(1), 1, 1e-12);
  EXPECT_NEAR(rough.slope, 0.5, 1e-12);
  EXPECT_THROW(fit_affine({1}, {1}), Error);
  EXPECT_THROW(fit_affine({1, 1}, {1, 2}), Error);
  EXPECT_THROW(fit_affine({1, 2}, {1}), Error);
  EXPECT_NEAR(mean_relative_error({1.1, 1.8}, {1, 2}), 0.1, 1e-12);
}

}  // namespace
}  // namespace betimes::systems::search

#include "systems/hardware/preroutgnn/steiner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/random.h"

namespace betimes::systems::preroutgnn {
namespace {

std::vector<Point> random_points(Random& random, size_t count) {
  std::vector<Point> points(count);
  for (Point& point : points) point = {random.uniform(0, 100), random.uniform(0, 100)};
  return points;
}

/// The least of all trees: every choice of n - 1 edges that joins all.
double least_tree(const std::vector<Point>& points) {
  std::vector<std::pair<size_t, size_t>> edges;
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t j = i + 1; j < points.size(); ++j) edges.emplace_back(i, j);
  }
  double least = 1e300;
  for (size_t choice = 0; choice < (size_t{1} << edges.size()); ++choice) {
    std::vector<size_t> group(points.size());
    for (size_t i = 0; i < group.size(); ++i) group[i] = i;
    double length = 0;
    size_t taken = 0;
    for (size_t e = 0; e < edges.size(); ++e) {
      if (!(choice >> e & 1)) continue;
      ++taken;
      const auto [a, b] = edges[e];
      length += manhattan(points[a], points[b]);
      std::replace(group.begin(), group.end(), size_t{group[a]}, size_t{group[b]});
    }
    const bool joined =
        std::all_of(group.begin(), group.end(), [&](size_t one) { return one == group[0]; });
    if (taken + 1 == points.size() && joined) least = std::min(least, length);
  }
  return least;
}

double half_perimeter(const std::vector<Point>& points) {
  Point low = points[0], high = points[0];
  for (const Point& point : points) {
    low = {std::min(low.x, point.x), std::min(low.y, point.y)};
    high = {std::max(high.x, point.x), std::max(high.y, point.y)};
  }
  return high.x - low.x + high.y - low.y;
}

TEST(PreRouteSteiner, SpansWithTheLeastTree) {
  Random random(1);
  for (size_t count = 2; count <= 5; ++count) {
    for (int trial = 0; trial < 20; ++trial) {
      const std::vector<Point> points = random_points(random, count);
      EXPECT_NEAR(spanning_tree(points).length(), least_tree(points), 1e-9);
    }
  }
}

TEST(PreRouteSteiner, RefinesToTheBoxOfThreeAndNeverBeyondSpanning) {
  Random random(2);
  double spanning = 0, steiner = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const std::vector<Point> three = random_points(random, 3);
    EXPECT_NEAR(steiner_tree(three).length(), half_perimeter(three), 1e-6);
    const std::vector<Point> points = random_points(random, 4 + random.below(12));
    const RouteTree tree = steiner_tree(points);
    EXPECT_LE(tree.length(), spanning_tree(points).length() + 1e-9);
    EXPECT_GE(tree.length(), half_perimeter(points) - 1e-9);
    // Hwang 1976: a spanning tree is 3/2 of the least Steiner tree at most.
    EXPECT_GE(tree.length(), spanning_tree(points).length() / 1.5 - 1e-9);
    EXPECT_EQ(tree.order().size(), tree.nodes.size()) << "all hang together";
    for (size_t i = 0; i < points.size(); ++i) {
      EXPECT_EQ(manhattan(tree.nodes[i], points[i]), 0) << "terminals come first";
    }
    spanning += spanning_tree(points).length();
    steiner += tree.length();
  }
  EXPECT_LT(steiner, 0.95 * spanning) << "refining saves what it is known to save";
}

TEST(PreRouteSteiner, TakesPointsThatCoincide) {
  const RouteTree tree = steiner_tree({{3, 3}, {3, 3}, {3, 3}, {3, 3}});
  EXPECT_EQ(tree.length(), 0);
  EXPECT_EQ(tree.order().size(), tree.nodes.size());
  EXPECT_EQ(steiner_tree({{1, 2}}).nodes.size(), 1u);
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

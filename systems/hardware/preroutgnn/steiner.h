#pragma once

#include <cstdint>
#include <vector>

namespace betimes::systems::preroutgnn {

struct Point {
  double x = 0, y = 0;  // um
};

inline double manhattan(const Point& a, const Point& b) {
  return (a.x > b.x ? a.x - b.x : b.x - a.x) + (a.y > b.y ? a.y - b.y : b.y - a.y);
}

/// A tree over points; the terminals come first. `parent` of node 0, the root, is -1, and parents
/// aren't in any order.
struct RouteTree {
  std::vector<Point> nodes;
  std::vector<int32_t> parent;

  double length() const;
  /// The nodes, parents before children.
  std::vector<int32_t> order() const;
};

/// A rectilinear minimum spanning tree (Prim), without further nodes.
RouteTree spanning_tree(const std::vector<Point>& terminals);

/// The same, refined: while two wires of a node share a stretch, the pair that shares most gets a
/// Steiner node at the median. Never longer than the spanning tree.
RouteTree steiner_tree(const std::vector<Point>& terminals);

}  // namespace betimes::systems::preroutgnn

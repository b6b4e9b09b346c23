#include "systems/hardware/preroutgnn/steiner.h"

#include <algorithm>
#include <limits>

namespace betimes::systems::preroutgnn {
namespace {

double median(double a, double b, double c) {
  return std::max(std::min(a, b), std::min(std::max(a, b), c));
}

/// A tree as neighbours, which needs no root while it is refined.
class Refined {
 public:
  explicit Refined(const RouteTree& tree) : nodes_(tree.nodes), next_(tree.nodes.size()) {
    for (size_t i = 1; i < nodes_.size(); ++i) {
      const auto up = static_cast<size_t>(tree.parent[i]);
      next_[i].push_back(static_cast<int32_t>(up));
      next_[up].push_back(static_cast<int32_t>(i));
    }
  }

  /// False where no pair of wires shares a stretch.
  bool step() {
    Change best;
    for (size_t u = 0; u < nodes_.size(); ++u) {
      for (size_t i = 0; i < next_[u].size(); ++i) {
        for (size_t j = i + 1; j < next_[u].size(); ++j)
          consider(u, next_[u][i], next_[u][j], best);
      }
    }
    if (best.gain <= 1e-9) return false;
    const auto added = static_cast<int32_t>(nodes_.size());
    nodes_.push_back(best.median);
    next_.emplace_back();
    for (const int32_t end : {best.a, best.b}) {
      cut(static_cast<int32_t>(best.u), end);
      cut(end, static_cast<int32_t>(best.u));
      join(added, end);
    }
    join(added, static_cast<int32_t>(best.u));
    return true;
  }

  RouteTree rooted() const {
    RouteTree tree;
    tree.nodes = nodes_;
    tree.parent.assign(nodes_.size(), -1);
    std::vector<int32_t> order = {0};
    for (size_t i = 0; i < order.size(); ++i) {
      for (const int32_t to : next_[static_cast<size_t>(order[i])]) {
        if (to == tree.parent[static_cast<size_t>(order[i])]) continue;
        tree.parent[static_cast<size_t>(to)] = order[i];
        order.push_back(to);
      }
    }
    return tree;
  }

 private:
  struct Change {
    double gain = 0;
    size_t u = 0;
    int32_t a = 0, b = 0;
    Point median;
  };

  void consider(size_t u, int32_t a, int32_t b, Change& best) const {
    const Point &p = nodes_[u], &q = nodes_[static_cast<size_t>(a)],
                &r = nodes_[static_cast<size_t>(b)];
    const Point middle{median(p.x, q.x, r.x), median(p.y, q.y, r.y)};
    const double gain = manhattan(p, middle);
    if (gain > best.gain) best = {gain, u, a, b, middle};
  }
  void cut(int32_t from, int32_t to) {
    std::vector<int32_t>& ends = next_[static_cast<size_t>(from)];
    ends.erase(std::find(ends.begin(), ends.end(), to));
  }
  void join(int32_t a, int32_t b) {
    next_[static_cast<size_t>(a)].push_back(b);
    next_[static_cast<size_t>(b)].push_back(a);
  }

  std::vector<Point> nodes_;
  std::vector<std::vector<int32_t>> next_;
};

}  // namespace

double RouteTree::length() const {
  double sum = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (parent[i] >= 0) sum += manhattan(nodes[i], nodes[static_cast<size_t>(parent[i])]);
  }
  return sum;
}

std::vector<int32_t> RouteTree::order() const {
  std::vector<std::vector<int32_t>> below(nodes.size());
  std::vector<int32_t> found;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (parent[i] < 0) {
      found.push_back(static_cast<int32_t>(i));
    } else {
      below[static_cast<size_t>(parent[i])].push_back(static_cast<int32_t>(i));
    }
  }
  for (size_t i = 0; i < found.size(); ++i) {
    const std::vector<int32_t>& children = below[static_cast<size_t>(found[i])];
    found.insert(found.end(), children.begin(), children.end());
  }
  return found;
}

RouteTree spanning_tree(const std::vector<Point>& terminals) {
  RouteTree tree;
  tree.nodes = terminals;
  tree.parent.assign(terminals.size(), -1);
  std::vector<double> distance(terminals.size(), std::numeric_limits<double>::infinity());
  std::vector<bool> in(terminals.size(), false);
  size_t at = 0;
  for (size_t step = 1; step < terminals.size(); ++step) {
    in[at] = true;
    size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < terminals.size(); ++i) {
      if (in[i]) continue;
      const double here = manhattan(terminals[at], terminals[i]);
      if (here < distance[i]) {
        distance[i] = here;
        tree.parent[i] = static_cast<int32_t>(at);
      }
      if (distance[i] < least) {
        least = distance[i];
        nearest = i;
      }
    }
    at = nearest;
  }
  return tree;
}

RouteTree steiner_tree(const std::vector<Point>& terminals) {
  RouteTree tree = spanning_tree(terminals);
  if (terminals.size() < 3) return tree;
  Refined refined(tree);
  // Each step shortens the tree; the bound is for coordinates where rounding eats the gain.
  for (size_t step = 0; step < 4 * terminals.size() && refined.step(); ++step) {
  }
  return refined.rooted();
}

}  // namespace betimes::systems::preroutgnn

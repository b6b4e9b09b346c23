#include "systems/hardware/preroutgnn/wires.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::preroutgnn {
namespace {

/// Wire length per bin, of all nets.
class CongestionMap {
 public:
  CongestionMap(const std::vector<Point>& points, double bin) {
    low_ = high_ = points.at(0);
    for (const Point& point : points) {
      low_ = {std::min(low_.x, point.x), std::min(low_.y, point.y)};
      high_ = {std::max(high_.x, point.x), std::max(high_.y, point.y)};
    }
    columns_ = std::max<size_t>(1, static_cast<size_t>(std::ceil((high_.x - low_.x) / bin)));
    rows_ = std::max<size_t>(1, static_cast<size_t>(std::ceil((high_.y - low_.y) / bin)));
    if (columns_ * rows_ > (size_t{1} << 24)) {
      throw Error("congestion map", fmt::format("has {} x {} bins", columns_, rows_),
                  "coordinates in um and bins of some ten");
    }
    length_.assign(columns_ * rows_, 0);
    bin_ = bin;
  }

  void add(const RouteTree& tree) {
    visit(tree, [&](size_t bin, double length) { length_[bin] += length; });
  }
  /// So that the mean is this.
  void scale(double mean) {
    double sum = 0;
    for (const double length : length_) sum += length;
    if (sum <= 0) return;
    const double factor = mean * static_cast<double>(length_.size()) / sum;
    for (double& length : length_) length *= factor;
  }
  double along(const RouteTree& tree) const {
    double sum = 0, weight = 0;
    visit(tree, [&](size_t bin, double length) {
      sum += length_[bin] * length;
      weight += length;
    });
    return weight > 0 ? sum / weight : 0;
  }

 private:
  size_t column(double x) const {
    return std::min(columns_ - 1, static_cast<size_t>(std::max(0.0, (x - low_.x) / bin_)));
  }
  size_t row(double y) const {
    return std::min(rows_ - 1, static_cast<size_t>(std::max(0.0, (y - low_.y) / bin_)));
  }
  /// Both ways around a corner, half each.
  template <class F>
  void visit(const RouteTree& tree, const F& pass) const {
    for (size_t i = 0; i < tree.nodes.size(); ++i) {
      if (tree.parent[i] < 0) continue;
      const Point &a = tree.nodes[i], &b = tree.nodes[static_cast<size_t>(tree.parent[i])];
      for (const double y : {a.y, b.y}) {
        along_row(std::min(a.x, b.x), std::max(a.x, b.x), row(y), pass);
      }
      for (const double x : {a.x, b.x}) {
        along_column(std::min(a.y, b.y), std::max(a.y, b.y), column(x), pass);
      }
    }
  }
  template <class F>
  void along_row(double from, double to, size_t at, const F& pass) const {
    for (size_t c = column(from); c <= column(to); ++c) {
      const double left = low_.x + static_cast<double>(c) * bin_;
      const double part = std::min(to, left + bin_) - std::max(from, left);
      if (part > 0) pass(at * columns_ + c, part / 2);
    }
  }
  template <class F>
  void along_column(double from, double to, size_t at, const F& pass) const {
    for (size_t r = row(from); r <= row(to); ++r) {
      const double bottom = low_.y + static_cast<double>(r) * bin_;
      const double part = std::min(to, bottom + bin_) - std::max(from, bottom);
      if (part > 0) pass(r * columns_ + at, part / 2);
    }
  }

  Point low_, high_;
  size_t columns_ = 1, rows_ = 1;
  double bin_ = 1;
  std::vector<double> length_;
};

std::vector<Point> terminals(const TimingGraph::Net& net, const std::vector<Point>& points) {
  std::vector<Point> found = {points[static_cast<size_t>(net.driver)]};
  for (const int32_t sink : net.sinks) found.push_back(points[static_cast<size_t>(sink)]);
  return found;
}

}  // namespace

std::array<double, edge_count> pin_capacitance(const TimingGraph::Pin& pin, const Netlist& netlist,
                                               const Library& library, const WireModel& model) {
  if (pin.instance < 0) {
    return pin.driver ? std::array<double, edge_count>{}
                      : std::array<double, edge_count>{model.port_load, model.port_load};
  }
  const Netlist::Instance& instance = netlist.instances[static_cast<size_t>(pin.instance)];
  const auto& found = library.cells[static_cast<size_t>(instance.cell)]
                          .pins[static_cast<size_t>(pin.index)]
                          .capacitance;
  return {found[rising], found[falling]};
}

std::vector<Route> route(const TimingGraph& graph, const std::vector<Point>& points,
                         const WireModel& model, uint64_t seed) {
  Random random(seed);
  CongestionMap map(points, model.bin);
  std::vector<Route> routes;
  for (const TimingGraph::Net& net : graph.nets) {
    routes.push_back({steiner_tree(terminals(net, points)), 1});
    map.add(routes.back().tree);
  }
  map.scale(model.utilisation);
  for (Route& one : routes) {
    const double over = std::max(0.0, map.along(one.tree) - 0.7);
    // Noise alone never shortens a wire by more than a tenth.
    one.detour = std::max(0.9, 1 + 0.2 * over + model.detour_deviation * random.normal());
  }
  return routes;
}

std::vector<Wire> routed_wires(const TimingGraph& graph, const Netlist& netlist,
                               const Library& library, const std::vector<Route>& routes,
                               const WireModel& model) {
  std::vector<Wire> wires(graph.nets.size());
  for (size_t n = 0; n < wires.size(); ++n) {
    const TimingGraph::Net& net = graph.nets[n];
    const RouteTree& tree = routes[n].tree;
    const std::vector<int32_t> order = tree.order();
    const auto length = [&](size_t node) {
      return routes[n].detour *
             manhattan(tree.nodes[node], tree.nodes[static_cast<size_t>(tree.parent[node])]);
    };
    wires[n].elmore.resize(net.sinks.size());
    for (const Edge edge : {rising, falling}) {
      // Capacitance at and below each node: a wire's is half at either end.
      std::vector<double> below(tree.nodes.size(), 0);
      for (size_t s = 0; s < net.sinks.size(); ++s) {
        below[s + 1] += pin_capacitance(graph.pins[static_cast<size_t>(net.sinks[s])], netlist,
                                        library, model)[edge];
      }
      for (size_t i = order.size(); i-- > 1;) {
        const auto node = static_cast<size_t>(order[i]);
        below[static_cast<size_t>(tree.parent[node])] +=
            below[node] + model.capacitance * length(node);
      }
      std::vector<double> delay(tree.nodes.size(), 0);
      for (size_t i = 1; i < order.size(); ++i) {
        const auto node = static_cast<size_t>(order[i]);
        delay[node] =
            delay[static_cast<size_t>(tree.parent[node])] +
            model.resistance * length(node) * (below[node] + model.capacitance * length(node) / 2);
      }
      wires[n].load[edge] = below[0];
      for (size_t s = 0; s < net.sinks.size(); ++s) wires[n].elmore[s][edge] = delay[s + 1];
    }
  }
  return wires;
}

std::vector<Wire> straight_wires(const TimingGraph& graph, const Netlist& netlist,
                                 const Library& library, const std::vector<Point>& points,
                                 const WireModel& model) {
  std::vector<Route> routes;
  for (const TimingGraph::Net& net : graph.nets) {
    Route star{{terminals(net, points), {}}, 1};
    star.tree.parent.assign(star.tree.nodes.size(), 0);
    star.tree.parent[0] = -1;
    routes.push_back(std::move(star));
  }
  return routed_wires(graph, netlist, library, routes, model);
}

}  // namespace betimes::systems::preroutgnn

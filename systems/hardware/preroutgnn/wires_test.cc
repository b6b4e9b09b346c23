#include "systems/hardware/preroutgnn/wires.h"

#include <gtest/gtest.h>

#include <cmath>

#include "systems/hardware/preroutgnn/testing.h"

namespace betimes::systems::preroutgnn {
namespace {

/// Nodes from one up to the root.
std::vector<size_t> path_of(const RouteTree& tree, size_t node) {
  std::vector<size_t> found;
  for (; tree.parent[node] >= 0; node = static_cast<size_t>(tree.parent[node])) {
    found.push_back(node);
  }
  return found;
}

TEST(PreRouteWires, DelaysAreSumsOverSharedResistances) {
  const StandIn design = stand_in_design(1, 400);
  const Labelled made = labelled_stand_in(design, 1);
  const WireModel model;
  const std::vector<Wire> wires =
      routed_wires(made.graph, design.netlist, stand_in_library(), made.routes, model);
  size_t compared = 0;
  for (size_t n = 0; n < wires.size(); ++n) {
    const RouteTree& tree = made.routes[n].tree;
    const auto length = [&](size_t node) {
      return made.routes[n].detour *
             manhattan(tree.nodes[node], tree.nodes[static_cast<size_t>(tree.parent[node])]);
    };
    std::vector<double> at(tree.nodes.size(), 0);
    double total = 0;
    for (size_t i = 1; i < tree.nodes.size(); ++i) {
      const double half = model.capacitance * length(i) / 2;
      at[i] += half;
      at[static_cast<size_t>(tree.parent[i])] += half;
    }
    for (size_t s = 0; s < made.graph.nets[n].sinks.size(); ++s) {
      const auto pin = static_cast<size_t>(made.graph.nets[n].sinks[s]);
      at[s + 1] +=
          pin_capacitance(made.graph.pins[pin], design.netlist, stand_in_library(), model)[falling];
    }
    for (const double one : at) total += one;
    EXPECT_NEAR(wires[n].load[falling], total, 1e-12);
    for (size_t s = 0; s < made.graph.nets[n].sinks.size(); ++s) {
      double delay = 0;
      for (size_t k = 0; k < tree.nodes.size(); ++k) {
        for (const size_t a : path_of(tree, s + 1)) {
          for (const size_t b : path_of(tree, k)) {
            if (a == b) delay += model.resistance * length(a) * at[k];
          }
        }
      }
      EXPECT_NEAR(wires[n].elmore[s][falling], delay, 1e-12);
      ++compared;
    }
  }
  EXPECT_GT(compared, 100u);
}

TEST(PreRouteWires, DetoursFollowCongestionAndTheSeed) {
  const StandIn design = stand_in_design(2, 1500);
  const TimingGraph graph = make_graph(design.netlist, stand_in_library());
  std::vector<Point> points;
  for (const TimingGraph::Pin& pin : graph.pins) {
    points.push_back(pin.instance < 0
                         ? design.placement.ports[static_cast<size_t>(pin.index)]
                         : design.placement.instances[static_cast<size_t>(pin.instance)]);
  }
  WireModel model;
  double sum = 0, square = 0;
  const auto first = route(graph, points, model, 9), again = route(graph, points, model, 9),
             other = route(graph, points, model, 10);
  size_t differ = 0;
  for (size_t n = 0; n < first.size(); ++n) {
    EXPECT_EQ(first[n].detour, again[n].detour);
    differ += first[n].detour != other[n].detour ? 1 : 0;
    const double noise = first[n].detour - other[n].detour;
    sum += noise;
    square += noise * noise;
  }
  const auto count = static_cast<double>(first.size());
  EXPECT_GT(differ, first.size() / 2);
  EXPECT_NEAR(std::sqrt(square / count), 0.03 * std::sqrt(2.0), 0.004);
  // Without noise only congestion is left, and an empty map has none.
  model.detour_deviation = 0;
  model.utilisation = 0.01;
  for (const Route& one : route(graph, points, model, 1)) EXPECT_EQ(one.detour, 1);
  model.utilisation = 2;
  double mean = 0;
  for (const Route& one : route(graph, points, model, 1)) mean += one.detour / count;
  EXPECT_GT(mean, 1.2);
}

TEST(PreRouteWires, StraightOnesAreTheManhattanDistance) {
  const StandIn design = stand_in_design(3, 200);
  const Labelled made = labelled_stand_in(design, 3);
  const WireModel model;
  const auto wires =
      straight_wires(made.graph, design.netlist, stand_in_library(), made.points, model);
  for (size_t n = 0; n < wires.size(); ++n) {
    const TimingGraph::Net& net = made.graph.nets[n];
    for (size_t s = 0; s < net.sinks.size(); ++s) {
      const auto sink = static_cast<size_t>(net.sinks[s]);
      const double length =
          manhattan(made.points[static_cast<size_t>(net.driver)], made.points[sink]);
      const double pin =
          pin_capacitance(made.graph.pins[sink], design.netlist, stand_in_library(), model)[rising];
      EXPECT_NEAR(wires[n].elmore[s][rising],
                  model.resistance * length * (pin + model.capacitance * length / 2), 1e-12);
    }
  }
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

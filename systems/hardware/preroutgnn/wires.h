#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "systems/hardware/preroutgnn/graph.h"
#include "systems/hardware/preroutgnn/steiner.h"

namespace betimes::systems::preroutgnn {

/// Synthetic wires. The capacitance is what minimum-pitch wires of a 180 nm process have (about
/// 0.2 fF/um); the resistance is ten times theirs (about 0.3 Ohm/um), so that on designs of a few
/// thousand cells wires matter as they do on large ones.
struct WireModel {
  double resistance = 0.003;    // kOhm/um
  double capacitance = 0.0002;  // pF/um
  double port_load = 0.02;      // pF that an output port drives
  double detour_deviation = 0.03;
  double bin = 40;           // um, of the congestion map
  double utilisation = 0.6;  // mean of the congestion map
};

/// One net as resistors and capacitors.
struct Wire {
  std::array<double, edge_count> load{};               // pF seen by the driver, pins included
  std::vector<std::array<double, edge_count>> elmore;  // ns, by sink of the graph's net
};

struct Route {
  RouteTree tree;     // node i < 1 + sinks: the driver, then the sinks
  double detour = 1;  // what its lengths are multiplied by
};

/// Routes each net of the graph over pins at `points`: a Steiner tree, and a detour factor
/// `1 + 0.2 max(0, congestion - 0.7) + N(0, deviation)` where congestion is the mean over the bins
/// that the tree passes. Nets keep the graph's order.
std::vector<Route> route(const TimingGraph& graph, const std::vector<Point>& points,
                         const WireModel& model, uint64_t seed);

/// Elmore delays over the routes.
std::vector<Wire> routed_wires(const TimingGraph& graph, const Netlist& netlist,
                               const Library& library, const std::vector<Route>& routes,
                               const WireModel& model);

/// What is known before routing: each sink at the end of a wire of its own, of its Manhattan
/// distance from the driver.
std::vector<Wire> straight_wires(const TimingGraph& graph, const Netlist& netlist,
                                 const Library& library, const std::vector<Point>& points,
                                 const WireModel& model);

/// Capacitance (pF) of a pin of the graph by edge, an output port's included.
std::array<double, edge_count> pin_capacitance(const TimingGraph::Pin& pin, const Netlist& netlist,
                                               const Library& library, const WireModel& model);

}  // namespace betimes::systems::preroutgnn

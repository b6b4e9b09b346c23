#include "systems/hardware/preroutgnn/label.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

DelayTable padded(const Table& table, double factor) {
  DelayTable found;
  const size_t rows = std::max<size_t>(table.rows.size(), 1),
               columns = std::max<size_t>(table.columns.size(), 1);
  if (rows > axis_length || columns > axis_length) {
    throw Error("delay table", fmt::format("is {} x {}", rows, columns), "7 x 7 at most");
  }
  found.rows = static_cast<uint8_t>(rows);
  found.columns = static_cast<uint8_t>(columns);
  std::copy(table.rows.begin(), table.rows.end(), found.row_axis.begin());
  std::copy(table.columns.begin(), table.columns.end(), found.column_axis.begin());
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c) {
      found.values[r * axis_length + c] =
          static_cast<float>(static_cast<double>(table.values[r * columns + c]) * factor);
    }
  }
  return found;
}

double mean(const Table& table) {
  return std::accumulate(table.values.begin(), table.values.end(), 0.0) /
         static_cast<double>(table.values.size());
}

void check_reached(const TimingGraph& graph, const Timing& timing) {
  for (size_t i = 0; i < graph.pins.size(); ++i) {
    for (size_t c = 0; c < corner_count; ++c) {
      if (std::isfinite(timing.arrival[i][c]) && std::isfinite(timing.slew[i][c])) continue;
      throw Error(graph.pins[i].name, "no path brings both edges", "delay tables for both");
    }
  }
}

NodeFeatures features_of(const TimingGraph::Pin& pin, const Point& at, const Placement& placement,
                         const std::array<double, edge_count>& capacitance) {
  const double x = at.x / placement.width, y = at.y / placement.height;
  const auto rise = static_cast<float>(capacitance[rising]),
             fall = static_cast<float>(capacitance[falling]);
  return {pin.instance < 0 ? 1.0f : 0.0f,
          pin.driver ? 1.0f : 0.0f,
          static_cast<float>(x),
          static_cast<float>(1 - x),
          static_cast<float>(y),
          static_cast<float>(1 - y),
          rise,
          fall,
          rise,
          fall};
}

}  // namespace

int32_t ArcSet::add(const std::vector<const TimingArc*>& arcs) {
  const auto [at, added] = known_.try_emplace(arcs, static_cast<int32_t>(arcs_.size()));
  if (!added) return at->second;
  Arc found;
  for (const Edge edge : {rising, falling}) {
    const Table *delay = nullptr, *slew = nullptr;
    for (const TimingArc* arc : arcs) {
      if (arc->delay[edge].empty()) continue;
      if (!delay || mean(arc->delay[edge]) > mean(*delay)) delay = &arc->delay[edge];
      if (!slew || mean(arc->slew[edge]) > mean(*slew)) slew = &arc->slew[edge];
    }
    if (!delay) continue;
    const size_t column = edge;
    // Derates are of delays: a late and an early slew differ by what they came from.
    found[early_rise + column] = padded(*delay, early_derate_);
    found[late_rise + column] = padded(*delay, 1);
    found[corner_count + early_rise + column] = padded(*slew, 1);
    found[corner_count + late_rise + column] = padded(*slew, 1);
  }
  arcs_.push_back(found);
  return at->second;
}

Labelled label(const Netlist& netlist, const Library& library, const Placement& placement,
               const LabelOptions& options) {
  if (!(placement.width > 0) || !(placement.height > 0)) {
    throw Error(netlist.name,
                fmt::format("has a die of {:g} x {:g} um", placement.width, placement.height),
                "one with an area");
  }
  Labelled found;
  found.graph = make_graph(netlist, library);
  for (const TimingGraph::Pin& pin : found.graph.pins) {
    found.points.push_back(pin.instance < 0
                               ? placement.ports[static_cast<size_t>(pin.index)]
                               : placement.instances[static_cast<size_t>(pin.instance)]);
  }
  TimingOptions timing = options.timing;
  const std::vector<Wire> straight =
      straight_wires(found.graph, netlist, library, found.points, options.wires);
  timing.period = 0;
  found.period = -options.period_factor *
                 worst_slack(found.graph, analyse(found.graph, library, straight, timing), true);
  timing.period = found.period;
  found.straight = analyse(found.graph, library, straight, timing);
  found.routes = route(found.graph, found.points, options.wires, options.seed);
  const auto analysed = [&](const std::vector<Route>& routes) {
    Timing times =
        analyse(found.graph, library,
                routed_wires(found.graph, netlist, library, routes, options.wires), timing);
    check_reached(found.graph, times);
    return times;
  };
  found.routed = analysed(found.routes);
  std::vector<Route> trees = found.routes;
  for (Route& each : trees) each.detour = 1;
  found.trees = analysed(trees);
  check_reached(found.graph, found.straight);
  return found;
}

Circuit make_circuit(const Netlist& netlist, const Library& library, const Placement& placement,
                     const LabelOptions& options, ArcSet& arcs) {
  const Labelled made = label(netlist, library, placement, options);
  const TimingGraph& graph = made.graph;
  Circuit circuit;
  circuit.name = netlist.name;
  circuit.cells = static_cast<int64_t>(netlist.instances.size());
  circuit.levels = graph.levels;
  for (size_t i = 0; i < graph.pins.size(); ++i) {
    const TimingGraph::Pin& pin = graph.pins[i];
    circuit.level.push_back(pin.level);
    circuit.pin_names.push_back(pin.name);
    circuit.features.push_back(features_of(pin, made.points[i], placement,
                                           pin_capacitance(pin, netlist, library, options.wires)));
  }
  for (const TimingGraph::Net& net : graph.nets) {
    const Point& from = made.points[static_cast<size_t>(net.driver)];
    for (const int32_t sink : net.sinks) {
      const Point& to = made.points[static_cast<size_t>(sink)];
      circuit.nets.push_back({net.driver, sink, static_cast<float>(to.x - from.x),
                              static_cast<float>(to.y - from.y),
                              made.routed.net_delay[circuit.nets.size()]});
    }
  }
  for (size_t i = 0; i < graph.cells.size(); ++i) {
    const TimingGraph::CellEdge& edge = graph.cells[i];
    circuit.arcs.push_back(
        {edge.input, edge.output, arcs.add(edge.arcs), made.routed.cell_delay[i]});
  }
  circuit.arrival = made.routed.arrival;
  circuit.slew = made.routed.slew;
  circuit.straight_arrival = made.straight.arrival;
  circuit.straight_slew = made.straight.slew;
  circuit.tree_arrival = made.trees.arrival;
  circuit.tree_slew = made.trees.slew;
  for (size_t i = 0; i < graph.endpoints.size(); ++i) {
    circuit.endpoints.push_back({graph.endpoints[i].pin, made.routed.required[i]});
  }
  // The labels' cost is one pass of routing and one of analysis, measured again by themselves.
  auto begun = Clock::now();
  const std::vector<Route> routes = route(graph, made.points, options.wires, options.seed);
  const std::vector<Wire> wires = routed_wires(graph, netlist, library, routes, options.wires);
  circuit.route_seconds = seconds_since(begun);
  TimingOptions timing = options.timing;
  timing.period = made.period;
  begun = Clock::now();
  const Timing again = analyse(graph, library, wires, timing);
  circuit.analyse_seconds = seconds_since(begun);
  return circuit;
}

}  // namespace betimes::systems::preroutgnn

#include "systems/hardware/preroutgnn/timing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "systems/hardware/preroutgnn/testing.h"

namespace betimes::systems::preroutgnn {
namespace {

/// Walks every path backwards from a pin's edge and keeps the latest (or earliest) sum of delays,
/// given the slews. Nothing of the analysis' order or merging is used.
class Paths {
 public:
  Paths(const Labelled& made, const std::vector<Wire>& wires, bool late)
      : made_(made), wires_(wires), late_(late) {}

  double worst(int32_t pin, Edge edge) const {
    double found = late_ ? -1e300 : 1e300;
    walk(pin, edge, 0, found);
    return found;
  }

 private:
  Corner corner(Edge edge) const {
    if (late_) return edge == rising ? late_rise : late_fall;
    return edge == rising ? early_rise : early_fall;
  }
  size_t net_of(int32_t driver) const {
    for (size_t n = 0; n < made_.graph.nets.size(); ++n) {
      if (made_.graph.nets[n].driver == driver) return n;
    }
    return made_.graph.nets.size();
  }
  void walk(int32_t pin, Edge edge, double after, double& found) const {
    const double derate = late_ ? 1 : 0.9;
    for (size_t n = 0; n < made_.graph.nets.size(); ++n) {
      const TimingGraph::Net& net = made_.graph.nets[n];
      for (size_t s = 0; s < net.sinks.size(); ++s) {
        if (net.sinks[s] != pin) continue;
        const double delay = 0.6931471805599453 * wires_[n].elmore[s][edge] * derate;
        return walk(net.driver, edge, after + delay, found);
      }
    }
    const auto end = [&](double start) {
      found = late_ ? std::max(found, start + after) : std::min(found, start + after);
    };
    for (const int32_t input : made_.graph.inputs) {
      if (input == pin) return end(0);
    }
    const double load = wires_[net_of(pin)].load[edge];
    for (const TimingGraph::Launch& launch : made_.graph.launches) {
      if (launch.pin == pin) return end(launch.arc->delay[edge].at(0.1, load) * derate);
    }
    for (const TimingGraph::CellEdge& cell : made_.graph.cells) {
      if (cell.output != pin) continue;
      for (const Edge in : {rising, falling}) {
        const Sense sense = cell.arcs[0]->sense;
        if (sense == Sense::positive && in != edge) continue;
        if (sense == Sense::negative && in == edge) continue;
        const double slew = made_.routed.slew[static_cast<size_t>(cell.input)][corner(in)];
        walk(cell.input, in, after + cell.arcs[0]->delay[edge].at(slew, load) * derate, found);
      }
    }
  }

  const Labelled& made_;
  const std::vector<Wire>& wires_;
  bool late_;
};

TEST(PreRouteTiming, FindsTheWorstOfAllPaths) {
  for (const uint64_t seed : {1, 2, 3}) {
    const StandIn design = stand_in_design(seed, 90);
    const Labelled made = labelled_stand_in(design, seed);
    const std::vector<Wire> wires =
        routed_wires(made.graph, design.netlist, stand_in_library(), made.routes, {});
    const Paths late(made, wires, true), early(made, wires, false);
    for (const TimingGraph::Endpoint& end : made.graph.endpoints) {
      const Times& arrival = made.routed.arrival[static_cast<size_t>(end.pin)];
      EXPECT_NEAR(arrival[late_rise], late.worst(end.pin, rising), 1e-4);
      EXPECT_NEAR(arrival[late_fall], late.worst(end.pin, falling), 1e-4);
      EXPECT_NEAR(arrival[early_rise], early.worst(end.pin, rising), 1e-4);
      EXPECT_NEAR(arrival[early_fall], early.worst(end.pin, falling), 1e-4);
    }
  }
}

TEST(PreRouteTiming, MergesTheWorstSlews) {
  const StandIn design = stand_in_design(4, 400);
  const Labelled made = labelled_stand_in(design, 4);
  const std::vector<Wire> wires =
      routed_wires(made.graph, design.netlist, stand_in_library(), made.routes, {});
  int64_t checked = 0, merged = 0;
  for (const TimingGraph::Net& net : made.graph.nets) {
    const Wire& wire = wires[static_cast<size_t>(&net - made.graph.nets.data())];
    for (const Edge edge : {rising, falling}) {
      double largest = -1, smallest = 1e9;
      int64_t arcs = 0;
      for (const TimingGraph::CellEdge& cell : made.graph.cells) {
        if (cell.output != net.driver) continue;
        for (const Edge in : {rising, falling}) {
          const Sense sense = cell.arcs[0]->sense;
          if (sense == Sense::positive && in != edge) continue;
          if (sense == Sense::negative && in == edge) continue;
          const Times& slew = made.routed.slew[static_cast<size_t>(cell.input)];
          const auto out = [&](Corner corner) {
            return cell.arcs[0]->slew[edge].at(slew[corner], wire.load[edge]);
          };
          largest = std::max(largest, out(in == rising ? late_rise : late_fall));
          smallest = std::min(smallest, out(in == rising ? early_rise : early_fall));
          ++arcs;
        }
      }
      if (arcs == 0) continue;  // a port or a register
      const Times& found = made.routed.slew[static_cast<size_t>(net.driver)];
      EXPECT_NEAR(found[edge == rising ? late_rise : late_fall], largest, 1e-5);
      EXPECT_NEAR(found[edge == rising ? early_rise : early_fall], smallest, 1e-5);
      ++checked;
      merged += arcs > 1 && largest > smallest + 1e-3;
    }
  }
  EXPECT_GT(checked, 100);
  EXPECT_GT(merged, 50);
}

TEST(PreRouteTiming, PeriodIsATenthAboveTheLeastForStraightWires) {
  const Labelled made = labelled_stand_in(stand_in_design(5, 500), 5);
  EXPECT_NEAR(worst_slack(made.graph, made.straight, true), made.period * (1 - 1 / 1.1), 1e-3);
  for (size_t i = 0; i < made.graph.endpoints.size(); ++i) {
    const bool port = made.graph.endpoints[i].setup == nullptr;
    // The stand-in library's setup of rising data is 0.12 ns, its hold 0.01 ns.
    EXPECT_NEAR(made.routed.required[i][late_rise], made.period - (port ? 0 : 0.12), 1e-5);
    EXPECT_NEAR(made.routed.required[i][early_rise], port ? 0 : 0.01, 1e-6);
  }
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

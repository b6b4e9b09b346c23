#pragma once

#include <map>
#include <vector>

#include "systems/hardware/preroutgnn/circuit.h"
#include "systems/hardware/preroutgnn/place.h"
#include "systems/hardware/preroutgnn/timing.h"
#include "systems/hardware/preroutgnn/wires.h"

namespace betimes::systems::preroutgnn {

/// The arcs of a library that circuits use, each once.
class ArcSet {
 public:
  explicit ArcSet(double early_derate) : early_derate_(early_derate) {}
  /// Index of what leads through a cell. Of several (as of a gate whose sense depends on its other
  /// inputs) the tables with the largest means stand for all. Throws Error for tables above 7 x 7.
  int32_t add(const std::vector<const TimingArc*>& arcs);
  const std::vector<Arc>& arcs() const { return arcs_; }

 private:
  double early_derate_;
  std::vector<Arc> arcs_;
  std::map<std::vector<const TimingArc*>, int32_t> known_;
};

struct LabelOptions {
  WireModel wires;
  TimingOptions timing;        // its period is found
  double period_factor = 1.1;  // over the least that straight wires allow
  uint64_t seed = 0;           // of the detours
};

/// What labelling went through, for those who check it.
struct Labelled {
  TimingGraph graph;
  std::vector<Point> points;  // by pin
  std::vector<Route> routes;
  double period = 0;
  Timing routed, straight, trees;
};

/// Routes and analyses a placed design. Throws Error for what make_graph() refuses, for a die
/// without width or height, and naming the pin where no path brings both edges.
Labelled label(const Netlist& netlist, const Library& library, const Placement& placement,
               const LabelOptions& options);

/// The same as a circuit, its arcs among `arcs`.
Circuit make_circuit(const Netlist& netlist, const Library& library, const Placement& placement,
                     const LabelOptions& options, ArcSet& arcs);

}  // namespace betimes::systems::preroutgnn

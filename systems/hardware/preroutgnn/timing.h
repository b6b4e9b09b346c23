#pragma once

#include <vector>

#include "systems/hardware/preroutgnn/circuit.h"
#include "systems/hardware/preroutgnn/graph.h"
#include "systems/hardware/preroutgnn/wires.h"

namespace betimes::systems::preroutgnn {

/// The world around a design. Input ports change at time 0.
struct TimingOptions {
  double period = 0;          // ns
  double input_slew = 0.1;    // ns, at input ports
  double clock_slew = 0.1;    // ns
  double early_derate = 0.9;  // early delays as a share of late ones
};

/// Static timing. Per pin arrival and slew, per net edge (nets in order, sinks in theirs) and per
/// cell edge the delay, per endpoint the required time, all ns. Where no path comes with an edge
/// at a pin, its arrival is NaN.
struct Timing {
  std::vector<Times> arrival, slew;
  std::vector<Times> net_delay, cell_delay;
  std::vector<Times> required;
};

/// Propagates earliest and latest arrivals by level. A cell's delay and output slew are looked up
/// by input slew and total load; where arcs meet, the worst slew goes on. A wire delays by
/// ln 2 x Elmore and adds ln(upper/lower) x Elmore to the slew (the answer of one pole to a step,
/// as OpenSTA's simple_rc calculator has it). An ideal clock of one period launches at 0. Late
/// arrivals must come a setup time before the next edge (at it, for output ports), early ones a
/// hold time after the same edge.
Timing analyse(const TimingGraph& graph, const Library& library, const std::vector<Wire>& wires,
               const TimingOptions& options);

/// Least late and early slack over endpoints' edges that paths reach; `late` only where asked.
double worst_slack(const TimingGraph& graph, const Timing& timing, bool late);

}  // namespace betimes::systems::preroutgnn

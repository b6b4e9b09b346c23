#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "systems/hardware/preroutgnn/library.h"
#include "systems/hardware/preroutgnn/netlist.h"

namespace betimes::systems::preroutgnn {

/// The pins of a netlist that signals run through, by level: a source (an input port, an output of
/// a register) has level 0, the sinks of a net their driver's and one more, an output of a cell its
/// highest input's and one more. So drivers have even levels and sinks odd ones. The clock is
/// ideal: its net and the pins on it are left out, as are pins tied to constants and outputs that
/// drive nothing.
struct TimingGraph {
  struct Pin {
    std::string name;
    int32_t instance = -1;  // -1: a port
    int32_t index = 0;      // of the cell's pin, or of the port
    int32_t net = 0;
    bool driver = false;
    int32_t level = 0;
  };
  struct Net {
    int32_t net = 0;  // of the netlist
    int32_t driver = 0;
    std::vector<int32_t> sinks;
  };
  struct CellEdge {
    int32_t input = 0, output = 0;
    std::vector<const TimingArc*> arcs;  // of the library, which must outlive this
  };
  struct Launch {
    int32_t pin = 0;
    const TimingArc* arc = nullptr;
  };
  struct Endpoint {
    int32_t pin = 0;
    const TimingArc *setup = nullptr, *hold = nullptr;  // null: an output port
  };
  std::vector<Pin> pins;
  std::vector<Net> nets;
  std::vector<CellEdge> cells;  // by output
  std::vector<int32_t> inputs;  // ports
  std::vector<Launch> launches;
  std::vector<Endpoint> endpoints;
  int32_t levels = 0;      // even
  int32_t clock_net = -1;  // of the netlist; -1: no registers
};

/// Throws Error naming the pin, net or cell for combinational loops, nets with no or two drivers,
/// latches, three-state cells and registers on the falling edge, clocks that don't come straight
/// from a port, and a design with nothing to time.
TimingGraph make_graph(const Netlist& netlist, const Library& library);

}  // namespace betimes::systems::preroutgnn

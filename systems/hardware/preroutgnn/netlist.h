#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "systems/hardware/preroutgnn/library.h"

namespace betimes::systems::preroutgnn {

/// A mapped design: instances of a library's cells and the nets between their pins.
struct Netlist {
  static constexpr int32_t open = -1;      // a pin that nothing is connected to
  static constexpr int32_t constant = -2;  // one tied to 0 or 1

  struct Port {
    std::string name;  // of a vector: "a[3]"
    bool input = false;
    int32_t net = open;
  };
  struct Instance {
    std::string name;
    int32_t cell = 0;           // of the library
    std::vector<int32_t> nets;  // by pin of the cell
  };
  std::string name;
  std::vector<std::string> nets;  // names
  std::vector<Port> ports;
  std::vector<Instance> instances;
};

/// Reads one module of instances, as `yosys` writes a mapped design: ports, wires and vectors,
/// assignments of constants or other nets, instances with named pins, escaped names. Throws Error
/// naming source and line for anything else, and for cells, pins and nets that aren't declared.
Netlist parse_netlist(const std::string& text, const Library& library, const std::string& where);

}  // namespace betimes::systems::preroutgnn

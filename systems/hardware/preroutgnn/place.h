#pragma once

#include <vector>

#include "systems/hardware/preroutgnn/netlist.h"
#include "systems/hardware/preroutgnn/steiner.h"

namespace betimes::systems::preroutgnn {

/// Where things are on a die from (0, 0) to (width, height), um.
struct Placement {
  double width = 0, height = 0;
  std::vector<Point> instances, ports;  // middles
};

struct PlaceOptions {
  double utilisation = 0.7;  // of rows by cells
};

/// Places the instances in rows: ports evenly along the border, cells where the sum of squared net
/// lengths is least (a net of n pins counts 1/(n-1) per pair, or per pin and its middle), then in
/// turns spread into bins and drawn back to the solution, and set into rows side by side without
/// overlap. Widths are the library's, or area by row height. Throws Error for a design without
/// cells and for cells without a size.
Placement place(const Netlist& netlist, const Library& library, const PlaceOptions& options = {});

/// Sum over nets of half the perimeter of the box around their pins, um.
double half_perimeters(const Netlist& netlist, const Placement& placement);

}  // namespace betimes::systems::preroutgnn

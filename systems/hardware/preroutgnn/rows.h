#pragma once

#include <vector>

#include "systems/hardware/preroutgnn/steiner.h"

namespace betimes::systems::preroutgnn {

/// Cells spread evenly over a die, their order kept: the cells of a bin are halved by width along
/// its longer side, and each half gets its share of the bin, down to single cells.
std::vector<Point> spread(const std::vector<Point>& cells, const std::vector<double>& widths,
                          double width, double height);

/// Middles of the cells in rows without overlap, near to where they are: rows are filled from
/// below with equal widths, and a row's cells set from the left. The widths must fit the rows.
std::vector<Point> set_in_rows(const std::vector<Point>& cells, const std::vector<double>& widths,
                               double width, double height, double row_height);

}  // namespace betimes::systems::preroutgnn

#pragma once

#include <string>

#include "systems/hardware/preroutgnn/library.h"

namespace betimes::systems::preroutgnn {

/// Reads a library in the Liberty format: units, slew thresholds, and of each cell area, pins,
/// capacitances, functions, kind, and the timing arcs with their tables, brought to ns and pF with
/// input slew (clock slew) by row. Asynchronous set and reset arcs, recovery, removal and pulse
/// widths aren't read; cells with three-state arcs are marked. Throws Error naming source and line
/// for anything malformed, and for tables over other variables.
Library parse_liberty(const std::string& text, const std::string& where);

/// The same of a file, plain or gzip-compressed.
Library read_liberty(const std::string& path);

}  // namespace betimes::systems::preroutgnn

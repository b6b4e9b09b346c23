#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "systems/hardware/preroutgnn/circuit.h"

namespace betimes::systems::preroutgnn {

/// The file below a folder of data sets.
std::string data_file(const std::string& folder);
bool data_present(const std::string& folder);

struct MakeOptions {
  uint64_t seed = 1;   // of the detours
  bool quick = false;  // six small designs
  int scale = 1;       // of designs.h
  /// Called after each design; may be empty.
  std::function<void(const std::string& design, int64_t done, int64_t designs)> progress;
};

/// Maps this project's designs with yosys to the osu018 library, places, routes (synthetic wires)
/// and analyses them. Throws Error when a program or the library isn't installed.
CircuitSet make_circuits(const MakeOptions& options);

/// Writes a set as one safetensors file, replaced as a whole.
void write_circuits(const std::string& path, const CircuitSet& set);

/// Reads what write_circuits() wrote. Throws Error naming file and design for anything malformed
/// and for what check_circuit() refuses.
CircuitSet read_circuits(const std::string& path);

/// Throws Error naming `where` and the pin for indices out of range, numbers that aren't finite,
/// levels that don't rise along the pins or edges, net edges that don't lead from an even level to
/// the next, cell edges that don't from an odd to an even one, sinks without exactly one driver,
/// and endpoints that aren't sinks. `arcs`: how many the library has.
void check_circuit(const Circuit& circuit, size_t arcs, const std::string& where);

}  // namespace betimes::systems::preroutgnn

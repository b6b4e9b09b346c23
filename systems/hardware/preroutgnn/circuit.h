#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace betimes::systems::preroutgnn {

// Columns of arrivals, slews, delays and required times.
enum Corner : size_t { early_rise, early_fall, late_rise, late_fall };
constexpr size_t corner_count = 4;
using Times = std::array<float, corner_count>;  // ns

constexpr size_t node_feature_count = 10;
// Per pin: is a primary port, drives a net, distances to the left, right, lower and upper edge of
// the die (0..1 of its size), capacitance (pF) in the order of Corner.
using NodeFeatures = std::array<float, node_feature_count>;

constexpr size_t tables_per_arc = 8;  // delay x Corner, then output slew x Corner
constexpr size_t axis_length = 7;

/// One look-up table of the library, padded to 7 x 7 by zeros: `rows` x `columns` are real. A table
/// that the cell lacks has rows = 0.
struct DelayTable {
  uint8_t rows = 0, columns = 0;
  std::array<float, axis_length> row_axis{}, column_axis{};  // input slew (ns), load (pF)
  std::array<float, axis_length * axis_length> values{};     // ns, row by row
};
using Arc = std::array<DelayTable, tables_per_arc>;

struct NetEdge {
  int32_t driver = 0, sink = 0;
  float dx = 0, dy = 0;  // sink less driver, um
  Times delay{};         // label
};

struct CellEdge {
  int32_t input = 0, output = 0;
  int32_t arc = 0;  // of the library's
  Times delay{};    // label
};

/// A mapped and placed design as a directed acyclic graph of pins, with what timing analysis over
/// the "routed" wires gives. Pins are numbered by level. A sink has exactly one driver. Paths start
/// at primary inputs and at outputs of registers (level 0: their times with straight wires are
/// given) and end at primary outputs and data inputs of registers (the endpoints). Levels
/// alternate: net edges lead from even to odd levels, cell edges from odd to even ones; an edge may
/// skip levels.
struct Circuit {
  std::string name;
  int64_t cells = 0;
  int64_t levels = 0;                  // even
  std::vector<int32_t> level;          // [pins]
  std::vector<std::string> pin_names;  // [pins] "instance/pin"; a primary port by its name
  std::vector<NodeFeatures> features;  // [pins]
  std::vector<NetEdge> nets;
  std::vector<CellEdge> arcs;
  // Labels.
  std::vector<Times> arrival, slew;  // [pins]
  // What analysis gives before routing, as baselines: with straight wires, and with the trees of
  // the router without its detours. All [pins].
  std::vector<Times> straight_arrival, straight_slew, tree_arrival, tree_slew;
  struct Endpoint {
    int32_t pin = 0;
    Times required{};  // latest and earliest allowed
  };
  std::vector<Endpoint> endpoints;
  double place_seconds = 0, route_seconds = 0, analyse_seconds = 0;  // what making the labels took

  size_t pins() const { return level.size(); }
};

/// Designs over one library, and which are for what.
struct CircuitSet {
  std::string technology;  // the library's name
  std::vector<Arc> arcs;   // of the library
  std::vector<Circuit> training, test;
};

}  // namespace betimes::systems::preroutgnn

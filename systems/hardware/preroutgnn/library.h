#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace betimes::systems::preroutgnn {

/// Edges of a signal, as indices.
enum Edge : size_t { rising, falling };
constexpr size_t edge_count = 2;

/// A look-up table of a library: times (ns) by input slew (ns) and load (pF), or constraints by
/// slews of clock and data. An axis of one entry is no axis: the value doesn't depend on it.
struct Table {
  std::vector<float> rows, columns;  // rising
  std::vector<float> values;         // rows x columns, row by row

  bool empty() const { return values.empty(); }
  /// Bilinear between entries, and along the outermost ones' lines beyond them.
  double at(double row, double column) const;
};

enum class Sense { positive, negative, either };
enum class ArcKind { combinational, launch, setup, hold };

/// From one pin to another of a cell: a delay, or what a clock demands of a data pin.
struct TimingArc {
  size_t from = 0, to = 0;  // pins of the cell; of a constraint, `from` is the clock
  ArcKind kind = ArcKind::combinational;
  Sense sense = Sense::either;
  Edge clock_edge = rising;  // of launches and constraints
  // By edge of the output (of the data, for constraints). `slew` is empty for constraints.
  std::array<Table, edge_count> delay, slew;
};

enum class Direction { input, output, other };

struct LibraryPin {
  std::string name;
  Direction direction = Direction::other;
  std::array<float, edge_count> capacitance{};  // pF
  bool clock = false;
  std::string function;
};

enum class CellKind { combinational, flip_flop, latch };

struct LibraryCell {
  std::string name;
  double area = 0;   // in the library's unit
  double width = 0;  // um, from the layout; 0: not known
  CellKind kind = CellKind::combinational;
  bool three_state = false;
  std::vector<LibraryPin> pins;
  std::vector<TimingArc> arcs;

  /// Index of a pin, or -1.
  int find_pin(std::string_view pin) const;
};

/// Thresholds of slews as shares of the supply.
struct Thresholds {
  double lower = 0.2, upper = 0.8;
  double derate = 1;  // slews in tables are multiplied by this from lower to upper
};

struct Library {
  std::string name;
  Thresholds slews;
  double row_height = 10;  // um
  std::vector<LibraryCell> cells;

  /// Index of a cell, or -1.
  int find(std::string_view cell) const;
};

}  // namespace betimes::systems::preroutgnn

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "systems/hardware/mlir-cost-model/function.h"
#include "systems/hardware/mlir-cost-model/lowering.h"

namespace betimes::systems::mlir_cost_model {

/// A function under one schedule, with what the compiler made of it.
struct Variant {
  Schedule schedule;
  Labels labels;
  double lowering_ms = 0;
};

struct Graph {
  uint64_t seed = 0;
  std::string kind, text;
  Function function;
  std::vector<Variant> variants;  // two at least: they are what a pass chooses from
};

struct DataSet {
  std::vector<Graph> graphs;
  int64_t refused = 0;  // variants that the compiler failed on, which aren't among the graphs'

  int64_t variants() const;
};

/// The file below a folder of data sets.
std::string data_file(const std::string& folder);
bool data_present(const std::string& folder);

struct MakeOptions {
  int64_t graphs = 2000;
  uint64_t seed = 1;
  int processes = 1;  // lowered side by side
  /// Called after each graph, from one thread at a time; may be empty.
  std::function<void(int64_t done, int64_t graphs)> progress;
};

/// Generates functions, lowers each under two to four schedules drawn from the eight, and writes
/// them to `path`, a JSON object a line, by way of <path>.part: a run that was killed goes on from
/// there, and a smaller set that is there already is added to. A function whose sentence was seen
/// already is left out, as is one that the compiler takes under fewer than two schedules. What is
/// made follows from the seed alone, whatever the number of processes. Throws Error when a program
/// of the toolchain is missing.
void make_data(const std::string& path, const MakeOptions& options);

/// Reads what make_data() wrote. Throws Error naming file and line for anything malformed.
DataSet read_data(const std::string& path);
DataSet parse_data(const std::string& text, const std::string& where);
/// Generated functions under four schedules with labels that a formula makes of their operator
/// counts (synthetic): for tests, and for where the toolchain isn't.
DataSet stand_in_data(int64_t graphs, uint64_t seed);
/// One line of the file.
std::string format_graph(const Graph& graph, int64_t refused);

}  // namespace betimes::systems::mlir_cost_model

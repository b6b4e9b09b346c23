#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace betimes::systems::mlir_cost_model {

/// What the compiler's output says of one function: real labels of a static analysis, of one pass
/// over its text unless said otherwise.
struct Labels {
  double vector_registers = 0;   // different ones of zmm0..31
  double general_registers = 0;  // different ones, the stack pointer aside
  double spills = 0, reloads = 0;
  double uops = 0;
  double cycles = 0;
  double utilisation = 0;  // of the busiest port, percent of the cycles
  /// Cycles of all blocks, each as often as its loops run it: what a schedule is chosen by.
  double run_cycles = 0;
};

/// A straight piece of the assembly.
struct Block {
  std::string name;                // ".LBB0_3" without ".L": "BB0_3"; "bb.5"
  std::vector<std::string> loops;  // IR names of the headers of the loops around it
};

struct Assembly {
  double vector_registers = 0, general_registers = 0, spills = 0, reloads = 0;
  std::vector<Block> blocks;
  /// The function's instructions with marks for llvm-mca: a region "whole", and one a block.
  std::string marked;
};

/// Reads what llc wrote for x86-64 with comments. Throws Error naming `where` for text without a
/// function, or where a loop isn't said which block of the IR begins it.
Assembly read_assembly(std::string_view text, const std::string& where);

/// Of one region as llvm-mca reports it, per iteration.
struct Region {
  double uops = 0, cycles = 0;
  double busiest = 0;  // highest pressure on one of the numbered ports, cycles
};
/// Throws Error naming `where` for text that lacks a figure.
std::map<std::string, Region> read_regions(std::string_view text, const std::string& where);

/// How often each loop's header runs when its loop is entered, from opt's print<scalar-evolution>.
/// Loops whose count opt doesn't know are left out.
std::map<std::string, double> read_trip_counts(std::string_view text);

/// Throws Error naming `where` when a region or a trip count is missing.
Labels combine(const Assembly& assembly, const std::map<std::string, Region>& regions,
               const std::map<std::string, double>& trips, const std::string& where);

}  // namespace betimes::systems::mlir_cost_model

#pragma once

#include <optional>
#include <string>

#include "systems/hardware/mlir-cost-model/labels.h"
#include "systems/hardware/mlir-cost-model/schedule.h"

namespace betimes::systems::mlir_cost_model {

/// Paths of Debian's programs.
struct Toolchain {
  std::string mlir_opt, mlir_translate, opt, llc, llvm_mca;
};
/// Looks in PATH; nullopt where one is missing.
std::optional<Toolchain> find_toolchain();
/// The same, but throws Error naming the program and its package.
Toolchain need_toolchain();

/// Whether mlir-opt accepts the text; what it complains of, else empty.
std::string verify(const Toolchain& tools, const std::string& text);

/// A function taken down to machine code for skylake-avx512.
struct Lowered {
  Labels labels;
  double milliseconds = 0;           // of all the programs together, llvm-mca aside
  double analysis_milliseconds = 0;  // of llvm-mca
};
/// Runs the whole pipeline on temporary files, each program for 30 s at most. Throws Error naming
/// the program and its first complaint, or what its output lacks.
Lowered lower(const Toolchain& tools, const std::string& text, const Schedule& schedule);

}  // namespace betimes::systems::mlir_cost_model

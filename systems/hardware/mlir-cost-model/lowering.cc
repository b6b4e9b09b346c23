#include "systems/hardware/mlir-cost-model/lowering.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "systems/hardware/common/process.h"

namespace betimes::systems::mlir_cost_model {
namespace {

using hardware::find_program;
using hardware::Finished;
using hardware::run_program;
using Words = std::vector<std::string>;
constexpr const char* cpu = "-mcpu=skylake-avx512";
constexpr size_t max_assembly = size_t{64} << 20;

struct Program {
  const char* name;
  const char* package;
  std::string Toolchain::*path;
};
const Program programs[] = {{"mlir-opt-15", "mlir-15-tools", &Toolchain::mlir_opt},
                            {"mlir-translate-15", "mlir-15-tools", &Toolchain::mlir_translate},
                            {"opt-15", "llvm-15", &Toolchain::opt},
                            {"llc-15", "llvm-15", &Toolchain::llc},
                            {"llvm-mca-15", "llvm-15", &Toolchain::llvm_mca}};

Finished run(const Words& words) {
  Finished found = run_program(words);
  if (found.exit != 0) {
    const std::string complaint = found.err.substr(0, std::min<size_t>(found.err.find('\n'), 300));
    throw Error(words[0], fmt::format("ended with code {}: {}", found.exit, complaint));
  }
  return found;
}

std::string read_text(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, max_assembly);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Affine fusion and unrolling are the schedule. Without the two layout options bufferization
/// leaves strided arguments, which the conversion to LLVM refuses. Canonicalizing folds sums of
/// indices into the loads that use them, else the vectorizer makes vectors of the sums; transfers
/// of vectors to strided memory bring affine operations of their own; maxima have no form of LLVM's
/// and are compared and selected.
Words passes(const Schedule& schedule) {
  Words found = {
      "--one-shot-bufferize=bufferize-function-boundaries allow-return-allocs "
      "function-boundary-type-conversion=identity-layout-map "
      "unknown-type-conversion=identity-layout-map",
      "--convert-linalg-to-affine-loops", "--canonicalize"};
  if (schedule.fuse) found.emplace_back("--affine-loop-fusion");
  found.emplace_back("--affine-super-vectorize=virtual-vector-size=16");
  if (schedule.unroll > 1) {
    found.push_back(fmt::format("--affine-loop-unroll=unroll-factor={}", schedule.unroll));
  }
  for (const char* pass :
       {"--lower-affine", "--convert-vector-to-scf", "--lower-affine", "--convert-scf-to-cf",
        "--arith-expand", "--convert-vector-to-llvm", "--convert-memref-to-llvm",
        "--convert-arith-to-llvm", "--convert-func-to-llvm", "--convert-cf-to-llvm",
        "--reconcile-unrealized-casts"}) {
    found.emplace_back(pass);
  }
  return found;
}

class Stopwatch {
 public:
  /// Since the last call, or the beginning.
  double milliseconds() {
    const auto now = std::chrono::steady_clock::now();
    const double found = std::chrono::duration<double, std::milli>(now - begun_).count();
    begun_ = now;
    return found;
  }

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace

std::optional<Toolchain> find_toolchain() {
  Toolchain found;
  for (const Program& program : programs) {
    found.*program.path = find_program(program.name);
    if ((found.*program.path).empty()) return std::nullopt;
  }
  return found;
}

Toolchain need_toolchain() {
  for (const Program& program : programs) {
    if (find_program(program.name).empty()) {
      throw Error(program.name, "isn't installed", fmt::format("Debian's {}", program.package));
    }
  }
  return *find_toolchain();
}

std::string verify(const Toolchain& tools, const std::string& text) {
  const TemporaryFolder folder;
  write_file(folder.at("in.mlir"), text);
  const Finished found = run_program({tools.mlir_opt, folder.at("in.mlir"), "-o", "/dev/null"});
  return found.exit == 0 ? "" : found.err;
}

Lowered lower(const Toolchain& tools, const std::string& text, const Schedule& schedule) {
  const TemporaryFolder folder;
  const std::string mlir = folder.at("in.mlir"), dialect = folder.at("llvm.mlir"),
                    ir = folder.at("in.ll"), optimized = folder.at("optimized.bc"),
                    assembly = folder.at("out.s"), marked = folder.at("marked.s");
  write_file(mlir, text);
  Stopwatch watch;
  Words first = {tools.mlir_opt, mlir, "-o", dialect};
  for (std::string& pass : passes(schedule)) first.push_back(std::move(pass));
  run(first);
  run({tools.mlir_translate, "--mlir-to-llvmir", dialect, "-o", ir});
  // Blocks get names, which llc's comments then have; the printer tells how often loops run.
  const Finished optimizer =
      run({tools.opt, "-passes=default<O2>,instnamer,print<scalar-evolution>", cpu, ir, "-o",
           optimized});
  run({tools.llc, "-O2", cpu, optimized, "-o", assembly});
  Lowered found;
  found.milliseconds = watch.milliseconds();
  const Assembly read = read_assembly(read_text(assembly), "assembly");
  write_file(marked, read.marked);
  watch.milliseconds();
  const Finished analysis =
      run({tools.llvm_mca, cpu, "-iterations=100", "-instruction-info=false", marked});
  found.analysis_milliseconds = watch.milliseconds();
  found.labels =
      combine(read, read_regions(analysis.out, "llvm-mca"), read_trip_counts(optimizer.err), "opt");
  return found;
}

}  // namespace betimes::systems::mlir_cost_model

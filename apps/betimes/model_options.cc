#include "apps/betimes/model_options.h"

#include <CLI/CLI.hpp>

#include "betimes/base/cpu.h"
#include "betimes/base/error.h"

namespace betimes::cli {

void declare_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("model", options.model, "ONNX file")->required();
  command.add_option("--threads", options.threads, "threads to run with");
  command.add_option("--isa", options.isa,
                     "highest instruction set to use: scalar, sse41, avx2, avx512, avx512_vnni, "
                     "avx512_bf16");
  command.add_flag("--json", options.json, "print one JSON object (docs/json.md)");
}

void apply_isa(const ModelOptions& options) {
  if (options.isa.empty()) return;
  const auto level = parse_isa(options.isa);
  if (!level) {
    throw Error("--isa", "'" + options.isa + "' is no instruction-set level",
                "scalar, sse41, avx2, avx512, avx512_vnni or avx512_bf16");
  }
  cap_isa(*level);
}

}  // namespace betimes::cli

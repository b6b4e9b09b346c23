#include "apps/betimes/model_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "apps/betimes/default_model.h"
#include "apps/betimes/inputs.h"
#include "apps/betimes/options.h"
#include "betimes/base/cpu.h"
#include "betimes/base/error.h"
#include "betimes/fit/artefact.h"

namespace betimes::cli {

void declare_isa(CLI::App& command, std::string& isa) {
  command.add_option("--isa", isa,
                     "highest instruction set to use: scalar, sse41, avx2, avx512, avx512_vnni, "
                     "avx512_bf16");
}

void declare_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("model", options.model, "ONNX file; the embedded default when left out");
  command.add_option("--threads", options.threads,
                     "threads to run with; 1, or what a fitted file was fitted for");
  declare_isa(command, options.isa);
  command
      .add_option("--set", options.values,
                  "fix an input to a value and plan for it, like sr=16000; may repeat")
      ->allow_extra_args(false);
  command.add_flag("--json", options.json, "print one JSON object (docs/json.md)");
}

void declare_plan_options(CLI::App& command, PlanOptions& options) {
  command
      .add_option("--bucket", options.buckets,
                  "extents that an open dimension is rounded up to, like N=8,16,32; may repeat")
      ->allow_extra_args(false);
  command.add_flag("--huge-pages", options.huge_pages,
                   "weights and activations on pages of 2 MiB, where the system gives them");
}

runtime::DynamicOptions dynamic_options(const OpenedModel& opened, const PlanOptions& plans) {
  runtime::DynamicOptions options{.compile = opened.compile};
  options.compile.huge_pages = plans.huge_pages;
  options.buckets = parse_buckets(plans.buckets);
  return options;
}

void apply_isa(const std::string& isa) {
  if (isa.empty()) return;
  const auto level = parse_isa(isa);
  if (!level) {
    throw Error("--isa", "'" + isa + "' is no instruction-set level",
                "scalar, sse41, avx2, avx512, avx512_vnni or avx512_bf16");
  }
  cap_isa(*level);
}

void apply_level_of(const cost::Device& device) {
  const std::optional<Isa> level = parse_isa(device.machine.isa);
  if (level && *level < detected_isa()) cap_isa(*level);
}

OpenedModel open_model(const ModelOptions& options) {
  apply_isa(options.isa);
  OpenedModel opened;
  opened.name = options.model.empty() ? default_model_name : options.model;
  opened.graph = load_model(options.model);
  opened.file_bytes = model_bytes(options.model);
  opened.compile = fit::artefact_options(opened.graph);
  // A file that was fitted on a larger machine still runs on this one.
  opened.compile.threads = std::min(opened.compile.threads, cpu_info().cpus);
  if (options.threads) opened.compile.threads = *options.threads;
  opened.compile.values = parse_values(opened.graph, options.values);
  return opened;
}

}  // namespace betimes::cli

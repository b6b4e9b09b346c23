#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "apps/betimes/inputs.h"
#include "apps/betimes/model_options.h"
#include "apps/betimes/options.h"
#include "apps/betimes/verb.h"
#include "betimes/base/cpu.h"
#include "betimes/base/error.h"
#include "betimes/graph/operator.h"
#include "betimes/import/npy.h"
#include "betimes/import/onnx.h"
#include "betimes/measure/profile.h"
#include "betimes/report/predicted.h"
#include "betimes/runtime/dynamic_session.h"
#include "betimes/runtime/session.h"

namespace betimes::cli {
namespace {

struct RunArguments {
  ModelOptions model;
  PlanOptions plans;
  std::vector<std::string> inputs;
  std::string output_folder;
  std::string trace;
};

/// Makes the folder where it is missing; throws Error when nothing can be written in it.
void prepare_folder(const std::string& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed || !std::filesystem::is_directory(folder)) {
    throw Error(folder, "can't be made a folder for the outputs", "a folder, or a free name");
  }
  check_writable(folder + "/output.npy");
}

Tensor copy_of(const TensorView& view) {
  Tensor tensor(view.type);
  if (tensor.bytes() > 0) std::memcpy(tensor.mutable_raw(), view.data, tensor.bytes());
  return tensor;
}

/// The output's name with everything but letters, digits, '.', '-' and '_' replaced, unique among
/// `taken` even where the file system ignores case.
std::string file_name(const std::string& output, std::set<std::string>& taken) {
  constexpr size_t longest = 200;
  const auto lower = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  std::string stem = output.substr(0, longest);
  for (char& c : stem) {
    const bool safe = std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-';
    if (!safe || (c == '.' && &c == stem.data())) c = '_';
  }
  if (stem.empty()) stem = "output";
  std::string unique = stem;
  for (int i = 2; !taken.insert(lower(unique)).second; ++i) {
    unique = stem + "_" + std::to_string(i);
  }
  return unique + ".npy";
}

/// One prediction and how long it took.
struct Ran {
  std::vector<report::PredictedOutput> outputs;
  double ms = 0;
  std::optional<runtime::PlanCounts> counts = {};  // of a run by a dynamic session
  size_t huge_page_bytes = 0;
};

Ran run_plan(const OpenedModel& opened, const std::map<std::string, Tensor>& inputs,
             const std::string& trace) {
  runtime::Session session(runtime::compile(opened.graph, opened.compile));
  for (size_t i = 0; i < session.inputs().size(); ++i) {
    const Tensor& tensor = inputs.at(session.plan().inputs()[i].name);
    if (tensor.bytes() > 0) std::memcpy(session.inputs()[i].data, tensor.raw(), tensor.bytes());
  }
  std::vector<int64_t> times(session.plan().steps().size() + 1);
  session.run_profiled(times);
  Ran ran{.outputs = {},
          .ms = static_cast<double>(times.back()) * 1e-6,
          .huge_page_bytes = on_huge_pages(session.memory_ranges())};
  for (size_t i = 0; i < session.outputs().size(); ++i) {
    ran.outputs.push_back({session.plan().outputs()[i].name, copy_of(session.outputs()[i]), ""});
  }
  if (!trace.empty()) {
    measure::write_trace(measure::summarize(session.plan().steps(), {times}), opened.name, trace);
  }
  return ran;
}

/// A model whose shapes or branches hang on what it computes, or one with buckets. The time is that
/// of a second run: the first one makes the plans.
Ran run_dynamically(const OpenedModel& opened, const PlanOptions& plans,
                    const std::map<std::string, Tensor>& inputs) {
  runtime::DynamicSession session(opened.graph, dynamic_options(opened, plans));
  session.run(inputs);
  const auto start = std::chrono::steady_clock::now();
  auto found = session.run(inputs);
  Ran ran;
  ran.ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  for (const graph::ValueInfo& output : opened.graph.outputs) {
    ran.outputs.push_back({output.name, std::move(found.at(output.name)), ""});
  }
  ran.counts = session.counts();
  ran.huge_page_bytes = on_huge_pages(session.memory_ranges());
  return ran;
}

Ran run_somehow(OpenedModel& opened, const RunArguments& arguments,
                const std::map<std::string, Tensor>& inputs) {
  if (!arguments.plans.buckets.empty()) {
    if (!arguments.trace.empty()) throw Error("--trace", "is of one plan", "no --bucket");
    return run_dynamically(opened, arguments.plans, inputs);
  }
  for (const auto& [name, tensor] : inputs) opened.compile.shapes[name] = tensor.shape();
  opened.compile.huge_pages = arguments.plans.huge_pages;
  try {
    return run_plan(opened, inputs, arguments.trace);
  } catch (const graph::NeedsValue&) {
    if (!arguments.trace.empty()) throw;  // of one plan
    return run_dynamically(opened, arguments.plans, inputs);
  }
}

void write_outputs(std::vector<report::PredictedOutput>& outputs, const std::string& folder) {
  std::set<std::string> taken;
  for (report::PredictedOutput& output : outputs) {
    output.file = (std::filesystem::path(folder) / file_name(output.name, taken)).string();
    import::write_npy(output.value, output.file);
  }
}

int run_run(const RunArguments& arguments) {
  if (!arguments.trace.empty()) check_writable(arguments.trace);
  if (!arguments.output_folder.empty()) prepare_folder(arguments.output_folder);
  OpenedModel opened = open_model(arguments.model);
  const std::map<std::string, Tensor> inputs =
      read_inputs(without_fixed(opened.graph, opened.compile.values), arguments.inputs);
  Ran ran = run_somehow(opened, arguments, inputs);
  report::Predicted predicted{.model = opened.name,
                              .threads = opened.compile.threads,
                              .isa = std::string(name(active_isa())),
                              .run_ms = ran.ms,
                              .outputs = std::move(ran.outputs),
                              .counts = ran.counts};
  if (arguments.plans.huge_pages) predicted.huge_page_bytes = ran.huge_page_bytes;
  if (!arguments.output_folder.empty()) write_outputs(predicted.outputs, arguments.output_folder);
  const std::string text =
      arguments.model.json ? report::render_json(predicted) : report::render_text(predicted);
  std::fputs(text.c_str(), stdout);
  return 0;
}

std::function<int()> declare_run(CLI::App& command) {
  auto arguments = std::make_shared<RunArguments>();
  RunArguments& a = *arguments;
  declare_model_options(command, a.model);
  declare_plan_options(command, a.plans);
  command
      .add_option("--input", a.inputs,
                  "an .npy file or an array of an .npz (a.npz:x); name=file for one of several "
                  "inputs, or one "
                  ".npz with all by their names; may repeat")
      ->allow_extra_args(false);
  command.add_option("--output-dir", a.output_folder,
                     "write each output there as <name>.npy; unusual characters become '_'");
  command.add_option("--trace", a.trace,
                     "write a trace here that Perfetto and chrome://tracing open");
  return [arguments] { return run_run(*arguments); };
}

}  // namespace

Verb run_verb() {
  return {"run", "One prediction from .npy or .npz files", "betimes run model.onnx --input x.npy",
          declare_run};
}

}  // namespace betimes::cli

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "apps/betimes/model_options.h"
#include "apps/betimes/options.h"
#include "apps/betimes/verb.h"
#include "betimes/base/cpu.h"
#include "betimes/import/onnx.h"
#include "betimes/report/described.h"

namespace betimes::cli {
namespace {

struct ShowArguments {
  ModelOptions model;
  std::vector<std::string> shapes;
  bool verbose = false;
};

int run_show(const ShowArguments& arguments) {
  OpenedModel opened = open_model(arguments.model);
  opened.compile.shapes = parse_shapes(arguments.shapes);
  report::Described described;
  described.model = opened.name;
  described.file_bytes = opened.file_bytes;
  described.plan = runtime::compile(opened.graph, opened.compile);
  described.graph = std::move(opened.graph);
  described.isa = name(active_isa());
  const std::string text =
      arguments.model.json ? report::render_json(described)
                           : report::render_text(described, terminal_width(), arguments.verbose);
  std::fputs(text.c_str(), stdout);
  return 0;
}

std::function<int()> declare_show(CLI::App& command) {
  auto arguments = std::make_shared<ShowArguments>();
  ShowArguments& a = *arguments;
  declare_model_options(command, a.model);
  command.add_option("--shape", a.shapes, "shape of an input, like x=1,3,224,224; may repeat")
      ->allow_extra_args(false);
  command.add_flag("--verbose", a.verbose,
                   "the plan's steps, their kernels, and why better ones were passed over");
  return [arguments] { return run_show(*arguments); };
}

}  // namespace

Verb show_verb() {
  return {"show", "What a model is: inputs, outputs, operators, size, and its plan here",
          "betimes show model.onnx --verbose", declare_show};
}

}  // namespace betimes::cli

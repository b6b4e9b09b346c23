#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "apps/betimes/model_options.h"
#include "apps/betimes/options.h"
#include "apps/betimes/systems.h"
#include "apps/betimes/verb.h"
#include "betimes/base/cpu.h"
#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/cost/device.h"
#include "betimes/import/onnx.h"
#include "betimes/report/described.h"
#include "betimes/report/device.h"
#include "betimes/system/results.h"

namespace betimes::cli {
namespace {

struct ShowArguments {
  ModelOptions model;
  std::vector<std::string> shapes;
  std::string results;
  std::string picture;
  bool markdown = false;
  bool verbose = false;
};

const system::System* system_called(const std::string& name) {
  for (const system::System& system : systems()) {
    if (system.slug == name) return &system;
  }
  return nullptr;
}

std::string render_system(const system::System& system, const ShowArguments& arguments) {
  if (arguments.model.json) return system::render_json(system);
  if (!arguments.markdown && arguments.picture.empty()) {
    return system::render_text(system, terminal_width());
  }
  const system::Recorded recorded = system::read_result(system, arguments.results);
  if (arguments.markdown) return system::render_page_part(recorded);
  if (!recorded.found) throw Error(system.slug, "has no result in " + arguments.results);
  write_file(arguments.picture, system::render_picture(*recorded.found));
  return "";
}

int run_show(const ShowArguments& arguments) {
  if (const system::System* system = system_called(arguments.model.model)) {
    std::fputs(render_system(*system, arguments).c_str(), stdout);
    return 0;
  }
  if (arguments.model.model.ends_with(".device")) {
    const cost::Device device = cost::read_device(arguments.model.model);
    const std::string text = arguments.model.json ? cost::format_device(device)
                                                  : report::render_text(device, terminal_width());
    std::fputs(text.c_str(), stdout);
    return 0;
  }
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
  auto* results =
      command.add_option("--results", a.results, "of a system: folder of what reproductions found");
  command.add_flag("--markdown", a.markdown, "of a system: the result's part of its page")
      ->needs(results);
  command
      .add_option("--picture", a.picture, "of a system: write the result's picture, an SVG file")
      ->needs(results);
  return [arguments] { return run_show(*arguments); };
}

}  // namespace

Verb show_verb() {
  return {"show",
          "What a model is and its plan here; what a system is and its knobs; a device's profile",
          "betimes show model.onnx --verbose", declare_show};
}

}  // namespace betimes::cli

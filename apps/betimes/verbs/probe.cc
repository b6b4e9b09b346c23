#include "betimes/cost/probe.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "apps/betimes/date.h"
#include "apps/betimes/default_model.h"
#include "apps/betimes/inputs.h"
#include "apps/betimes/model_options.h"
#include "apps/betimes/options.h"
#include "apps/betimes/pack.h"
#include "apps/betimes/verb.h"
#include "betimes/fit/artefact.h"
#include "betimes/report/device.h"
#include "betimes/report/progress.h"

namespace betimes::cli {
namespace {

struct ProbeArguments {
  cost::ProbeOptions probe;
  std::string isa;
  std::string out;
  std::string pack;
  std::vector<std::string> table;
  std::vector<std::string> shapes;
  std::vector<std::string> values;
  bool json = false;
};

std::shared_ptr<const runtime::Plan> plan_of(const std::string& path, const ProbeArguments& a) {
  const graph::Graph graph = load_model(path);
  runtime::CompileOptions compile = fit::artefact_options(graph);
  compile.threads = a.probe.threads;
  compile.shapes = parse_shapes(a.shapes);
  compile.values = parse_values(graph, a.values);
  return runtime::compile(graph, compile);
}

int run_pack(const std::string& path) {
  check_writable(path);
  const size_t bytes = write_pack(path);
  fmt::print(
      "{}, {:.1f} MB: copy it to a Linux machine of this processor family, then\n"
      "  tar xzf {} && betimes-probe/probe -o there.device\n",
      path, 1e-6 * static_cast<double>(bytes), std::filesystem::path(path).filename().string());
  return 0;
}

int run_probe(ProbeArguments arguments) {
  if (!arguments.pack.empty()) return run_pack(arguments.pack);
  if (!arguments.out.empty()) check_writable(arguments.out);
  apply_isa(arguments.isa);
  for (const std::string& path : arguments.table) {
    arguments.probe.table.push_back(plan_of(path, arguments));
  }
  cost::Device device;
  {
    report::Progress progress("probe");
    arguments.probe.progress = [&](double done) { progress.update(done); };
    device = cost::probe(arguments.probe);
  }
  device.date = utc_now();
  if (!arguments.out.empty()) cost::write_device(device, arguments.out);
  std::string text =
      arguments.json ? cost::format_device(device) : report::render_text(device, terminal_width());
  if (!arguments.json && !arguments.out.empty()) text += "written to " + arguments.out + "\n";
  std::fputs(text.c_str(), stdout);
  return 0;
}

std::function<int()> declare_probe(CLI::App& command) {
  auto arguments = std::make_shared<ProbeArguments>();
  ProbeArguments& a = *arguments;
  auto* const out = command.add_option("-o,--out", a.out, "write the device's profile there");
  command.add_option("--name", a.probe.name, "what the device is called; its processor otherwise");
  command.add_option("--threads", a.probe.threads, "threads to run with")
      ->check(CLI::Range(1, 256));
  declare_isa(command, a.isa);
  auto* const json = command.add_flag("--json", a.json, "print the profile");
  command.add_option("--max-seconds", a.probe.seconds, "how long the reference networks may take")
      ->check(CLI::PositiveNumber);
  auto* const table = command.add_option(
      "--table", a.table,
      "ONNX files whose operators are measured, too: `predict` looks up what is in "
      "the table and interpolates what is near");
  command.add_option("--shape", a.shapes, "shape of an input of these, like x=1,3,224,224")
      ->allow_extra_args(false)
      ->needs(table);
  command.add_option("--set", a.values, "fix an input of these to a value, like sr=16000")
      ->allow_extra_args(false)
      ->needs(table);
  auto* const pack = command.add_option(
      "--pack", a.pack,
      "measure nothing: write an archive (.tar.gz) with which a machine that has "
      "nothing installed is probed");
  for (CLI::Option* const other : {out, table, json}) pack->excludes(other);
  command.add_option("--seed", a.probe.seed, "of the order in which they take turns");
  return [arguments] { return run_probe(*arguments); };
}

}  // namespace

Verb probe_verb() {
  return {"probe", "This device's profile: ten reference networks and what the machine can do",
          "betimes probe --max-seconds 5 -o here.device", declare_probe};
}

}  // namespace betimes::cli

#include "betimes/cost/probe.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/betimes/date.h"
#include "apps/betimes/model_options.h"
#include "apps/betimes/options.h"
#include "apps/betimes/verb.h"
#include "betimes/report/device.h"
#include "betimes/report/progress.h"

namespace betimes::cli {
namespace {

struct ProbeArguments {
  cost::ProbeOptions probe;
  std::string isa;
  std::string out;
  bool json = false;
};

int run_probe(ProbeArguments arguments) {
  if (!arguments.out.empty()) check_writable(arguments.out);
  apply_isa(arguments.isa);
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
  command.add_option("-o,--out", a.out, "write the device's profile there");
  command.add_option("--name", a.probe.name, "what the device is called; its processor otherwise");
  command.add_option("--threads", a.probe.threads, "threads to run with")
      ->check(CLI::Range(1, 256));
  declare_isa(command, a.isa);
  command.add_option("--max-seconds", a.probe.seconds, "how long the reference networks may take")
      ->check(CLI::PositiveNumber);
  command.add_option("--seed", a.probe.seed, "of the order in which they take turns");
  command.add_flag("--json", a.json, "print the profile");
  return [arguments] { return run_probe(*arguments); };
}

}  // namespace

Verb probe_verb() {
  return {"probe", "This device's profile: ten reference networks and what the machine can do",
          "betimes probe --max-seconds 5 -o here.device", declare_probe};
}

}  // namespace betimes::cli

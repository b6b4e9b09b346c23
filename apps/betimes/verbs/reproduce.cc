#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "apps/betimes/date.h"
#include "apps/betimes/options.h"
#include "apps/betimes/systems.h"
#include "apps/betimes/verb.h"
#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/report/progress.h"
#include "betimes/system/results.h"

namespace betimes::cli {
namespace {

struct ReproduceArguments {
  std::string system;
  system::ReproduceOptions options;
  std::string out;
  bool json = false;
};

/// Of the sources that this program was built from, "+" when they were changed since.
std::string commit() {
  std::string found;
  std::array<char, 256> line{};
  std::FILE* git = popen("git -C '" BETIMES_SOURCE_DIR
                         "' describe --always --abbrev=10 --exclude '*' --dirty=+ 2>/dev/null",
                         "r");
  if (git && std::fgets(line.data(), line.size(), git)) found = line.data();
  if (git) pclose(git);
  while (!found.empty() && found.back() == '\n') found.pop_back();
  return found.empty() ? "unknown" : found;
}

int exit_code(const system::Reproduction& found) {
  for (const system::Finding& finding : found.findings) {
    if (finding.verdict == system::Verdict::not_reproduced ||
        finding.verdict == system::Verdict::not_beyond_noise) {
      return 1;
    }
  }
  return 0;
}

int run_reproduce(ReproduceArguments& arguments) {
  const system::System& system = learning_system(arguments.system);
  if (!system.reproduce) throw Error(system.slug, "has no reproduction");
  const std::string file =
      arguments.out.empty()
          ? ""
          : (std::filesystem::path(arguments.out) / (system.slug + ".json")).string();
  if (!file.empty()) check_writable(file);
  system::Reproduction found;
  {
    report::Progress progress("reproduce", !arguments.json);
    arguments.options.progress = [&](double done, const std::string& what) {
      progress.update(done, what);
    };
    found = system::reproduce(system, arguments.options);
  }
  found.date = utc_now();
  found.commit = commit();
  const std::string json = system::render_json(found) + "\n";
  if (!file.empty()) write_file(file, json);
  const std::string text =
      arguments.json ? json : system::render_text(system, found, terminal_width());
  std::fputs(text.c_str(), stdout);
  return exit_code(found);
}

std::function<int()> declare_reproduce(CLI::App& command) {
  auto arguments = std::make_shared<ReproduceArguments>();
  system::ReproduceOptions& o = arguments->options;
  command.add_option("system", arguments->system, "a system (betimes list systems)")->required();
  declare_places(command, o.places);
  command.add_flag("--quick", o.quick, "seconds instead of minutes: smaller, and weaker evidence");
  command.add_option("--seed", o.seed, "the first seed");
  command.add_option("--seeds", o.seeds, "how many seeds; the system's own number when left out")
      ->check(CLI::PositiveNumber);
  command.add_option("--threads", o.threads)->check(CLI::Range(1, 256));
  command.add_option("--out", arguments->out, "folder for the result, <system>.json");
  command.add_flag("--json", arguments->json, "print one JSON object (docs/json.md)");
  return [arguments] { return run_reproduce(*arguments); };
}

}  // namespace

Verb reproduce_verb() {
  return {"reproduce", "A system's published claim beside what is measured here",
          "betimes reproduce pate --quick", declare_reproduce};
}

}  // namespace betimes::cli

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>

#include "apps/betimes/problem.h"
#include "apps/betimes/verb.h"

namespace betimes::cli {

#define BETIMES_DECLARE(stem) Verb stem##_verb();
#include "verbs.inc"

std::vector<Verb> verbs() {
  std::vector<Verb> all;
#define BETIMES_CALL(stem) all.push_back(stem##_verb());
#include "verbs.inc"
  return all;
}

namespace {

constexpr int bad_usage = 2;

int parse_and_run(int argc, char** argv) {
  CLI::App app("Betimes: predictions that arrive on time.", "betimes");
  app.require_subcommand(1);
  app.set_version_flag("--version", BETIMES_VERSION);
  app.footer("Exit codes: 0 done, 1 budget not met, 2 bad usage or input, 3 internal error.");
  std::function<int()> chosen;
  for (const Verb& verb : verbs()) {
    CLI::App* command = app.add_subcommand(verb.name, verb.summary);
    command->footer("Example:\n  " + verb.example);
    const std::function<int()> run = verb.declare(*command);
    command->callback([&chosen, run] { chosen = run; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    if (problem.get_exit_code() == 0) return app.exit(problem);  // --help, --version
    std::fprintf(stderr, "betimes: %s; see betimes --help\n", problem.what());
    return bad_usage;
  }
  return chosen();
}

}  // namespace
}  // namespace betimes::cli

int main(int argc, char** argv) {
  try {
    return betimes::cli::parse_and_run(argc, argv);
  } catch (...) {
    return betimes::cli::report_problem();
  }
}

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "apps/onnx-conformance/conformance.h"
#include "betimes/base/error.h"
#include "betimes/report/progress.h"

namespace {

using namespace betimes;

struct Arguments {
  std::string folder;
  conformance::Options options;
  bool json = false;
  bool markdown = false;
};

/// 1 where a case in scope fails.
int run(const Arguments& arguments) {
  const auto folders = conformance::find_cases(arguments.folder);
  std::vector<conformance::Case> cases;
  bool failed = false;
  {
    report::Progress progress("conformance");
    for (const auto& folder : folders) {
      cases.push_back(conformance::run_case(folder, arguments.options));
      failed = failed || cases.back().verdict == conformance::Verdict::failed;
      progress.update(static_cast<double>(cases.size()) / static_cast<double>(folders.size()));
    }
  }
  const std::string text = arguments.json       ? conformance::render_json(cases)
                           : arguments.markdown ? conformance::render_markdown(cases)
                                                : conformance::render_text(cases);
  std::fputs(text.c_str(), stdout);
  return failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Runs models in the layout of ONNX's backend tests and compares their outputs",
               "onnx-conformance");
  app.add_option("folder", arguments.folder,
                 "folders with a model.onnx and test_data_set_* folders, at any depth")
      ->required();
  app.add_option("--threads", arguments.options.threads, "threads to run with")
      ->check(CLI::Range(1, 1024));
  app.add_option("--rtol", arguments.options.relative_tolerance, "relative tolerance");
  app.add_option("--atol", arguments.options.absolute_tolerance, "absolute tolerance");
  app.add_flag("--reference", arguments.options.reference,
               "run the operators' plain evaluators instead of the runtime");
  app.add_flag("--json", arguments.json, "print one JSON object: every case with its verdict");
  app.add_flag("--markdown", arguments.markdown, "print the tables in docs/operators.md");
  app.footer(
      "Exit code 1 when a case in scope fails.\nExample: onnx-conformance "
      "/usr/share/libonnx-testdata/data");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return run(arguments);
  } catch (const Error& error) {
    std::fprintf(stderr, "onnx-conformance: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "onnx-conformance: internal error: %s\n", error.what());
    return 3;
  }
}

#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/betimes/default_model.h"
#include "apps/betimes/options.h"
#include "apps/betimes/verb.h"
#include "betimes/report/catalog.h"

namespace betimes::cli {
namespace {

struct ListArguments {
  bool json = false;
  bool markdown = false;
};

int run_list(const ListArguments& arguments) {
  report::Catalog catalog = report::make_catalog();
  catalog.models.push_back({default_model_name,
                            "the embedded default: a small convolutional classifier of "
                            "Fashion-MNIST, taken where no file is named"});
  const std::string text = arguments.json       ? report::render_json(catalog)
                           : arguments.markdown ? report::render_markdown(catalog.operators)
                                                : report::render_text(catalog, terminal_width());
  std::fputs(text.c_str(), stdout);
  return 0;
}

std::function<int()> declare_list(CLI::App& command) {
  auto arguments = std::make_shared<ListArguments>();
  auto* json = command.add_flag("--json", arguments->json, "print one JSON object");
  command
      .add_flag("--markdown", arguments->markdown,
                "print the operators as the table in docs/operators.md")
      ->excludes(json);
  return [arguments] { return run_list(*arguments); };
}

}  // namespace

Verb list_verb() {
  return {"list", "What there is: models, metrics, operators", "betimes list --json", declare_list};
}

}  // namespace betimes::cli

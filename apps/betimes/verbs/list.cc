#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/betimes/default_model.h"
#include "apps/betimes/options.h"
#include "apps/betimes/systems.h"
#include "apps/betimes/verb.h"
#include "betimes/base/error.h"
#include "betimes/report/catalog.h"
#include "betimes/system/results.h"

namespace betimes::cli {
namespace {

struct ListArguments {
  std::string part;
  std::string results;
  bool json = false;
  bool markdown = false;
};

report::Catalog make_catalog() {
  report::Catalog catalog = report::make_catalog();
  catalog.models.push_back({default_model_name,
                            "the embedded default: a small convolutional classifier of "
                            "Fashion-MNIST, taken where no file is named"});
  for (const system::System& system : systems()) {
    std::vector<std::string> families;
    for (const system::Family family : system.families) families.emplace_back(name(family));
    catalog.systems.push_back(
        {system.slug, system.domain, families, system.summary, system.learns});
  }
  return catalog;
}

std::string render(const ListArguments& arguments) {
  const report::Catalog catalog = make_catalog();
  if (arguments.json) return report::render_json(catalog);
  if (!arguments.markdown) {
    return report::render_text(catalog, terminal_width(), arguments.part);
  }
  if (arguments.part == "operators") return report::render_markdown(catalog.operators);
  if (arguments.part != "systems") {
    throw Error("--markdown", "has a table of systems and one of operators only");
  }
  return system::render_markdown(system::read_results(systems(), arguments.results));
}

int run_list(const ListArguments& arguments) {
  std::fputs(render(arguments).c_str(), stdout);
  return 0;
}

std::function<int()> declare_list(CLI::App& command) {
  auto arguments = std::make_shared<ListArguments>();
  command
      .add_option("part", arguments->part,
                  "systems, models, devices, metrics or operators; all of it when left out")
      ->check(CLI::IsMember(report::catalog_parts()));
  auto* json = command.add_flag("--json", arguments->json, "print one JSON object");
  command
      .add_flag("--markdown", arguments->markdown,
                "print the systems or the operators as the table in docs/")
      ->excludes(json);
  command.add_option("--results", arguments->results,
                     "folder of what reproductions found, for the table of systems");
  return [arguments] { return run_list(*arguments); };
}

}  // namespace

Verb list_verb() {
  return {"list", "What there is: systems, models, devices, metrics, operators",
          "betimes list --json", declare_list};
}

}  // namespace betimes::cli

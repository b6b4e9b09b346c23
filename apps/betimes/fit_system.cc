#include "apps/betimes/fit_system.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/betimes/options.h"
#include "apps/betimes/ranks.h"
#include "apps/betimes/systems.h"
#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/fit/search.h"
#include "betimes/fit/workload_fit.h"
#include "betimes/report/progress.h"
#include "betimes/report/workload_fit.h"

namespace betimes::cli {

void declare_system_search(CLI::App& command, SystemSearch& options) {
  std::string names;
  for (const fit::SearchKind& kind : fit::search_kinds()) {
    names += (names.empty() ? "" : ", ") + kind.name;
  }
  command.add_option("--search", options.search, "of a system's knobs: " + names);
  command.add_option("--evaluations", options.evaluations, "of a system: settings to try at most")
      ->check(CLI::PositiveNumber);
  command.add_option(
      "--ledger", options.ledger,
      "of a system: file of everything tried; a fit that was stopped goes on from it");
  options.weights = default_places().weights;
  command.add_option("--weights", options.weights, "of a system: folder of trained weights");
}

namespace {

int fit_as_rank(const Ranks* ranks, const system::System& system, const SystemSearch& search,
                const FitCommon& common) {
  const bool leads = !ranks || ranks->rank == 0;
  if (leads) check_writable(common.out);
  system::OpenOptions open;
  open.places = default_places();
  open.places.weights = search.weights;
  if (!common.data.empty()) open.places.data = common.data;
  open.seed = common.seed;
  open.threads = common.threads[0];
  const auto workload = system.open(open);
  fit::WorkloadFitOptions options;
  options.budget = common.budget;
  options.search = search.search;
  options.evaluations = search.evaluations;
  options.seconds = common.max_seconds;
  options.seed = common.seed;
  options.problem = system.slug;
  options.ledger = search.ledger;
  options.threads = open.threads;
  if (!leads) {
    fit::serve_workload(*workload, options, ranks->serve);
    return 0;
  }
  if (ranks) options.make_pool = ranks->make_pool;
  fit::WorkloadFit found;
  {
    report::Progress progress("fit", !common.json);
    options.progress = [&](double done, const std::string& what) { progress.update(done, what); };
    found = fit::fit_workload(*workload, options);
  }
  const std::string json = report::render_json(found) + "\n";
  write_file(common.out, json);
  const std::string text = common.json ? json : report::render_text(found, terminal_width());
  std::fputs(text.c_str(), stdout);
  if (!common.json) std::printf("setting  %s\n", common.out.c_str());
  return found.met ? 0 : 1;
}

}  // namespace

int fit_system(const system::System& system, const SystemSearch& search, const FitCommon& common) {
  if (!system.open) {
    throw Error(system.slug, "has no knobs that could be fitted", "betimes show " + system.slug);
  }
  if (common.threads.size() != 1) throw Error("--threads", "is one number for a system");
  return among_ranks(
      [&](const Ranks* ranks) { return fit_as_rank(ranks, system, search, common); });
}

}  // namespace betimes::cli

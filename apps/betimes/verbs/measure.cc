#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "apps/betimes/inputs.h"
#include "apps/betimes/model_options.h"
#include "apps/betimes/options.h"
#include "apps/betimes/verb.h"
#include "betimes/base/cpu.h"
#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/report/measured.h"
#include "betimes/report/progress.h"
#include "betimes/runtime/session.h"

namespace betimes::cli {
namespace {

struct MeasureArguments {
  ModelOptions model;
  PlanOptions plans;
  std::vector<std::string> shapes;
  std::string percentile = "p99";
  double max_seconds = 10;
  std::optional<int64_t> runs;
  std::string trace;
  bool every_step = false;
  uint64_t seed = 1;
};

measure::Options make_options(const MeasureArguments& arguments) {
  measure::Options options;
  options.percentile = measure::parse_percentile(arguments.percentile);
  options.max_seconds = arguments.max_seconds;
  if (arguments.runs) {
    options.min_runs = options.max_runs = *arguments.runs;
    options.min_seconds = 0;
  }
  return options;
}

/// Enough runs to see past what disturbs one of them: a fifth of a second, fifty at least.
int profiled_runs(const measure::Latency& latency) {
  return static_cast<int>(std::clamp(200 / std::max(latency.p50.value, 1e-6), 50.0, 2000.0));
}

/// Several shapes, or buckets: what each takes, and what a new one costs.
int measure_several(const MeasureArguments& arguments, const OpenedModel& opened,
                    const std::vector<std::map<std::string, Shape>>& sets) {
  for (const auto& [asked, name] : {std::pair(!arguments.trace.empty(), "--trace"),
                                    std::pair(arguments.every_step, "--profile")}) {
    if (asked) throw Error(name, "is of one plan", "one shape, and no --bucket");
  }
  measure::Options options = make_options(arguments);
  const PinnedTeam team(opened.compile.threads);
  runtime::DynamicOptions dynamic = dynamic_options(opened, arguments.plans);
  dynamic.max_plans = std::max(dynamic.max_plans, sets.size());
  std::vector<std::map<std::string, Tensor>> inputs;
  for (const auto& shapes : sets) {
    inputs.push_back(
        make_inputs(without_fixed(opened.graph, opened.compile.values), shapes, arguments.seed));
  }
  runtime::DynamicSession session(opened.graph, std::move(dynamic));
  report::MeasuredShapes measured{.model = opened.name,
                                  .threads = opened.compile.threads,
                                  .isa = std::string(name(active_isa())),
                                  .seed = arguments.seed,
                                  .found = {},
                                  .huge_page_bytes = {}};
  {
    report::Progress progress("measure");
    options.progress = [&](double done) { progress.update(done); };
    measured.found = measure::measure_shapes(session, inputs, options, arguments.seed);
  }
  if (arguments.plans.huge_pages) measured.huge_page_bytes = on_huge_pages(session.memory_ranges());
  const std::string text = arguments.model.json ? report::render_json(measured)
                                                : report::render_text(measured, terminal_width());
  std::fputs(text.c_str(), stdout);
  return 0;
}

int run_measure(const MeasureArguments& arguments) {
  measure::Options options = make_options(arguments);
  if (!arguments.trace.empty()) check_writable(arguments.trace);
  OpenedModel opened = open_model(arguments.model);
  const auto sets = parse_shape_sets(arguments.shapes);
  if (sets.size() > 1 || !arguments.plans.buckets.empty()) {
    return measure_several(arguments, opened, sets);
  }
  opened.compile.shapes = sets[0];
  opened.compile.huge_pages = arguments.plans.huge_pages;
  const int threads = opened.compile.threads;
  const PinnedTeam team(threads);
  runtime::Session session(runtime::compile(opened.graph, opened.compile));
  fill_inputs(session, arguments.seed);

  report::Measured measured{.model = opened.name,
                            .threads = threads,
                            .seed = arguments.seed,
                            .latency = {},
                            .profile = {},
                            .machine = {},
                            .memory = {session.plan().memory(), {}}};
  {
    report::Progress progress("measure");
    options.progress = [&](double done) { progress.update(done); };
    measured.latency = measure::measure([&] { session.run(); }, options);
    measured.profile = measure::profile(session, profiled_runs(measured.latency));
    measured.machine = measure::probe_machine(threads);
  }
  if (arguments.plans.huge_pages) {
    measured.memory.huge_page_bytes = on_huge_pages(session.memory_ranges());
  }
  measure::relate_to_machine(measured.profile, measured.machine);
  if (!arguments.trace.empty()) {
    measure::write_trace(measured.profile, measured.model, arguments.trace);
  }
  const std::string text =
      arguments.model.json ? report::render_json(measured)
                           : report::render_text(measured, terminal_width(), arguments.every_step);
  std::fputs(text.c_str(), stdout);
  return 0;
}

std::function<int()> declare_measure(CLI::App& command) {
  auto arguments = std::make_shared<MeasureArguments>();
  MeasureArguments& a = *arguments;
  declare_model_options(command, a.model);
  declare_plan_options(command, a.plans);
  command
      .add_option("--shape", a.shapes,
                  "shape of an input, like x=1,3,224,224; may repeat, for one input too: then each "
                  "shape is measured, with what a new one costs")
      ->allow_extra_args(false);
  command.add_option("--percentile", a.percentile,
                     "the highest percentile that must be valid, like p99");
  command.add_option("--max-seconds", a.max_seconds, "how long the runs may take");
  command.add_option("--runs", a.runs, "so many runs after warm-up, whatever the percentile needs")
      ->check(CLI::PositiveNumber);
  command.add_option("--trace", a.trace,
                     "write a trace here that Perfetto and chrome://tracing open");
  command.add_flag("--profile", a.every_step, "show every step, in running order");
  command.add_option("--seed", a.seed, "seed of the inputs, standard normal numbers");
  return [arguments] { return run_measure(*arguments); };
}

}  // namespace

Verb measure_verb() {
  return {"measure", "Honest latency here: percentiles with intervals, and where the time goes",
          "betimes measure model.onnx --threads 1 --percentile p99", declare_measure};
}

}  // namespace betimes::cli

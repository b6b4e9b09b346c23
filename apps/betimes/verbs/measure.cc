#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "apps/betimes/inputs.h"
#include "apps/betimes/model_options.h"
#include "apps/betimes/options.h"
#include "apps/betimes/verb.h"
#include "betimes/base/threads.h"
#include "betimes/report/measured.h"
#include "betimes/report/progress.h"
#include "betimes/runtime/session.h"

namespace betimes::cli {
namespace {

struct MeasureArguments {
  ModelOptions model;
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

int run_measure(const MeasureArguments& arguments) {
  measure::Options options = make_options(arguments);
  if (!arguments.trace.empty()) check_writable(arguments.trace);
  OpenedModel opened = open_model(arguments.model);
  opened.compile.shapes = parse_shapes(arguments.shapes);
  const int threads = opened.compile.threads;
  const PinnedTeam team(threads);
  runtime::Session session(runtime::compile(opened.graph, opened.compile));
  fill_inputs(session, arguments.seed);

  report::Measured measured{.model = opened.name,
                            .threads = threads,
                            .seed = arguments.seed,
                            .latency = {},
                            .profile = {},
                            .machine = {}};
  {
    report::Progress progress("measure");
    options.progress = [&](double done) { progress.update(done); };
    measured.latency = measure::measure([&] { session.run(); }, options);
    measured.profile = measure::profile(session, profiled_runs(measured.latency));
    measured.machine = measure::probe_machine(threads);
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
  command.add_option("--shape", a.shapes, "shape of an input, like x=1,3,224,224; may repeat")
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

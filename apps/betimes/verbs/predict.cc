#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>

#include "apps/betimes/default_model.h"
#include "apps/betimes/inputs.h"
#include "apps/betimes/model_options.h"
#include "apps/betimes/options.h"
#include "apps/betimes/verb.h"
#include "betimes/base/cpu.h"
#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/cost/bundled_devices.h"
#include "betimes/cost/explain.h"
#include "betimes/fit/artefact.h"
#include "betimes/report/predicted_cost.h"
#include "betimes/report/progress.h"

namespace betimes::cli {
namespace {

struct PredictArguments {
  std::vector<std::string> models;
  std::string device;
  cost::PredictOptions how;
  std::vector<std::string> shapes;
  std::vector<std::string> values;
  bool explain = false;
  bool json = false;
  uint64_t seed = 1;
};

report::PredictedCost predict(const std::string& path, const PredictArguments& arguments,
                              const cost::DeviceModel& device) {
  const graph::Graph graph = load_model(path);
  runtime::CompileOptions compile = fit::artefact_options(graph);
  compile.threads = std::min(device.device().machine.threads, available_cpus());
  compile.shapes = parse_shapes(arguments.shapes);
  compile.values = parse_values(graph, arguments.values);
  const auto plan = runtime::compile(graph, compile);
  const std::vector<cost::Kernel> kernels = cost::kernels_of(plan->steps());
  report::PredictedCost found{.model = model_name(path),
                              .device = device.device(),
                              .steps = plan->steps(),
                              .prediction = device.predict(kernels),
                              .notes = cost::cautions(device.device()),
                              .explained = arguments.explain};
  if (!arguments.explain) return found;
  if (!device.device().kernels.empty()) {
    for (const cost::Kernel& kernel : kernels) {
      const auto nearest = cost::nearest_kernels(kernel, device.device().kernels, 1);
      found.nearest.push_back(nearest.empty() ? cost::Neighbour{} : nearest[0]);
    }
  }
  if (cost::is_here(device.device())) {
    report::Progress progress("predict", !arguments.json);
    progress.update(0, "measuring " + found.model);
    const PinnedTeam team(compile.threads);
    runtime::Session session(plan);
    fill_inputs(session, arguments.seed);
    found.measured = cost::explain(found.prediction, device, session, {.seed = arguments.seed});
  }
  return found;
}

int run_predict(const PredictArguments& arguments) {
  if (arguments.models.size() > 1 && !(arguments.shapes.empty() && arguments.values.empty())) {
    throw Error("--shape, --set", "were given with several models", "one model with its inputs");
  }
  const cost::Device device = cost::open_device(arguments.device);
  apply_level_of(device);
  const cost::DeviceModel model(device, arguments.how);
  std::vector<report::PredictedCost> found;
  if (arguments.models.empty()) found.push_back(predict("", arguments, model));
  for (const std::string& path : arguments.models) {
    found.push_back(predict(path, arguments, model));
  }
  const bool one = found.size() == 1;
  std::string text;
  if (arguments.json) {
    text = one ? report::render_json(found[0]) : report::render_json(found);
  } else if (one || arguments.explain) {
    for (const report::PredictedCost& each : found) {
      text += report::render_text(each, terminal_width());
    }
  } else {
    text = report::render_text(found, terminal_width());
  }
  std::fputs(text.c_str(), stdout);
  return 0;
}

std::function<int()> declare_predict(CLI::App& command) {
  auto arguments = std::make_shared<PredictArguments>();
  PredictArguments& a = *arguments;
  command.add_option("model", a.models, "ONNX files; the embedded default model when left out");
  command
      .add_option("--device", a.device,
                  "a file of `betimes probe`, or one of `betimes list devices`")
      ->required();
  command.add_option("--level", a.how.level, "how sure the interval of the median is to be")
      ->check(CLI::Range(0.0, 1.0));
  command.add_option("--cost-model", a.how.model,
                     "roofline, table or learned; the best one known for each step otherwise");
  command.add_option("--shape", a.shapes, "shape of an input, like x=1,3,224,224; may repeat")
      ->allow_extra_args(false);
  command.add_option("--set", a.values, "fix an input to a value, like sr=16000; may repeat")
      ->allow_extra_args(false);
  command.add_flag("--explain", a.explain,
                   "every step with the nearest measured kernel; on the device itself, what is "
                   "measured beside it, and why they differ");
  command.add_option("--seed", a.seed, "seed of the inputs that --explain measures with");
  command.add_flag("--json", a.json, "print JSON (docs/json.md): a list for several models");
  return [arguments] { return run_predict(*arguments); };
}

}  // namespace

Verb predict_verb() {
  return {"predict", "What a model will cost on a device that needn't be here, with an interval",
          "betimes predict model.onnx --device pi4", declare_predict};
}

}  // namespace betimes::cli

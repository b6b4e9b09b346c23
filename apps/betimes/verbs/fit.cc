#include "betimes/fit/fit.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "apps/betimes/date.h"
#include "apps/betimes/default_model.h"
#include "apps/betimes/fit_system.h"
#include "apps/betimes/model_options.h"
#include "apps/betimes/options.h"
#include "apps/betimes/systems.h"
#include "apps/betimes/verb.h"
#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/threads.h"
#include "betimes/cost/bundled_devices.h"
#include "betimes/graph/specialize.h"
#include "betimes/import/dataset.h"
#include "betimes/import/onnx.h"
#include "betimes/report/html.h"
#include "betimes/report/progress.h"

namespace betimes::cli {
namespace {

constexpr int64_t synthetic_examples = 512;

constexpr const char* default_out = "fitted.onnx";

struct FitArguments {
  std::string model;
  std::string budget;
  std::string data;
  std::string labels;
  std::string metric;
  std::string sensitivity = "interlayer";
  std::string memory;
  std::string device;
  std::string out = default_out;
  SystemSearch system;
  std::string report;
  std::optional<double> quality_floor;
  std::vector<int> threads;  // empty: 1, or the device's
  std::vector<std::string> shapes;
  import::DatasetOptions loading;
  float scale = 0;  // 0: the loader's own choice
  uint64_t seed = 1;
  double max_seconds = 45;
  bool json = false;
};

/// Type of the model's one input for one example.
TensorType example_type(const graph::Graph& graph, const std::map<std::string, Shape>& shapes) {
  if (graph.inputs.size() != 1) {
    throw Error("model", "has " + std::to_string(graph.inputs.size()) + " inputs",
                "one float32 input, to fit it");
  }
  const graph::StaticGraph fixed = graph::specialize(graph, shapes);
  TensorType type = fixed.types.at(graph.inputs[0].name);
  if (type.dtype != DType::f32 || type.shape.empty() || type.shape[0] != 1) {
    throw Error("input " + graph.inputs[0].name, "is " + to_string(type),
                "float32 with a first dimension of 1, to fit it example by example");
  }
  return type;
}

judge::Task make_task(const FitArguments& arguments, const TensorType& input) {
  if (arguments.data.empty()) {
    if (!arguments.labels.empty()) throw Error("--labels", "was given without --data");
    if (arguments.model.empty()) return default_task();
    return fit::synthetic_task(input, synthetic_examples, arguments.seed);
  }
  import::DatasetOptions loading = arguments.loading;
  if (arguments.scale != 0) loading.preprocess.scale = arguments.scale;
  import::Dataset loaded =
      import::load_examples(arguments.data, arguments.labels, input.shape, loading);
  judge::Examples all{std::move(loaded.inputs), std::move(loaded.labels)};
  return fit::split(all, std::filesystem::path(arguments.data).filename().string(), arguments.seed);
}

/// top1 with labels; without them agreement where there are classes to agree on, else cosine.
std::unique_ptr<judge::Metric> make_metric(const FitArguments& arguments, const judge::Task& task,
                                           const graph::Graph& graph,
                                           const std::map<std::string, Shape>& shapes) {
  const bool labelled = !task.test.labels.empty();
  std::string name = arguments.metric;
  if (name.empty()) {
    const graph::StaticGraph fixed = graph::specialize(graph, shapes);
    const bool classes =
        graph.outputs.size() == 1 && fixed.types.at(graph.outputs[0].name).shape.size() == 2;
    name = labelled ? "top1" : classes ? "agreement" : "cosine";
  }
  auto metric = judge::make_metric(name);
  if (metric->needs_labels() && !labelled) {
    throw Error("metric " + name, "needs labels, and none were given", "--data and --labels");
  }
  return metric;
}

std::vector<std::shared_ptr<const fit::SensitivityMethod>> sensitivity_methods() {
  std::vector<std::shared_ptr<const fit::SensitivityMethod>> methods = {
      std::make_shared<fit::IndependentSensitivity>()};
  for (const system::System& system : systems()) {
    if (system.sensitivity) methods.push_back(system.sensitivity());
  }
  return methods;
}

std::shared_ptr<const fit::SensitivityMethod> find_sensitivity(const std::string& name) {
  std::string known;
  for (auto& method : sensitivity_methods()) {
    if (method->name() == name) return std::move(method);
    known += (known.empty() ? "" : ", ") + method->name();
  }
  throw Error("--sensitivity", "'" + name + "' is none", known);
}

std::optional<fit::Budget> budget_of(const FitArguments& arguments) {
  std::optional<fit::Budget> budget;
  if (!arguments.budget.empty()) budget = fit::parse_budget(arguments.budget);
  if (!arguments.quality_floor && arguments.memory.empty()) return budget;
  if (!budget) throw Error("--quality-floor, --memory", "were given without --budget");
  budget->quality_floor = arguments.quality_floor;
  if (!arguments.memory.empty()) budget->memory = fit::parse_bytes(arguments.memory);
  return budget;
}

fit::FitOptions make_options(const FitArguments& arguments,
                             const std::map<std::string, Shape>& shapes) {
  fit::FitOptions options;
  options.model = model_name(arguments.model);
  options.budget = budget_of(arguments);
  options.shapes = shapes;
  options.threads = arguments.threads.empty() ? std::vector<int>{1} : arguments.threads;
  options.seed = arguments.seed;
  options.max_seconds = arguments.max_seconds;
  options.sensitivity = find_sensitivity(arguments.sensitivity);
  return options;
}

/// Fits for another device, by prediction: its level and threads, where this machine has them.
void choose_device(const FitArguments& arguments, fit::FitOptions& options) {
  if (arguments.device.empty()) return;
  if (!arguments.threads.empty()) {
    throw Error("--threads", "was given with --device", "the device's own number of threads");
  }
  cost::Device device = cost::open_device(arguments.device);
  apply_level_of(device);
  if (device.machine.threads > available_cpus()) {
    throw Error("--device", "runs " + std::to_string(device.machine.threads) + " threads",
                "at most " + std::to_string(available_cpus()) + ", as many as this machine has");
  }
  const auto above_median = [](const fit::Bound& bound) { return bound.statistic != "p50"; };
  if (!cost::has_spread(device) &&
      (!options.budget ||
       std::any_of(options.budget->bounds.begin(), options.budget->bounds.end(), above_median))) {
    throw Error("--device", "is published without percentiles",
                "a budget on the median, like p50<=5ms");
  }
  options.threads = {device.machine.threads};
  options.device = std::make_shared<const cost::DeviceModel>(std::move(device));
}

std::string report_path(const FitArguments& arguments) {
  if (!arguments.report.empty()) return arguments.report;
  return std::filesystem::path(arguments.out).replace_extension(".html").string();
}

int run_fit_system(const system::System& system, const FitArguments& a) {
  const std::string out = a.out == default_out ? system.slug + "-fitted.json" : a.out;
  if (!a.device.empty()) {
    throw Error("--device", "was given with a system",
                "a model: systems are measured where they run");
  }
  const std::vector<int> threads = a.threads.empty() ? std::vector<int>{1} : a.threads;
  return fit_system(system, a.system,
                    {budget_of(a), a.data, threads, a.seed, a.max_seconds, a.json, out});
}

int run_fit(const FitArguments& arguments) {
  for (const system::System& system : systems()) {
    if (system.slug == arguments.model) return run_fit_system(system, arguments);
  }
  const std::map<std::string, Shape> shapes = parse_shapes(arguments.shapes);
  fit::FitOptions options = make_options(arguments, shapes);
  choose_device(arguments, options);
  const std::string report = report_path(arguments);
  // A fit takes a while: find out first whether its results can be written.
  check_writable(arguments.out);
  check_writable(report);
  const graph::Graph graph = load_model(arguments.model);
  const judge::Task task = make_task(arguments, example_type(graph, shapes));
  const auto metric = make_metric(arguments, task, graph, shapes);

  fit::Fitted fitted;
  {
    report::Progress progress("fit", !arguments.json);
    options.progress = [&](double done, const std::string& what) { progress.update(done, what); };
    fitted = fit::fit(graph, task, *metric, options);
  }
  import::write_onnx(fitted.graph, arguments.out);
  fitted.result.artefact = arguments.out;
  fitted.result.report = report;
  fitted.result.date = utc_now("%Y-%m-%d %H:%M UTC");
  fitted.result.fitted.file_bytes = std::filesystem::file_size(arguments.out);
  fitted.result.original.file_bytes = import::serialize_onnx(graph).size();
  write_file(report, report::render_html(fitted.result));
  const std::string text = arguments.json ? report::render_json(fitted.result) + "\n"
                                          : report::render_text(fitted.result, terminal_width());
  std::fputs(text.c_str(), stdout);
  return fitted.result.met ? 0 : 1;
}

std::function<int()> declare_fit(CLI::App& command) {
  auto arguments = std::make_shared<FitArguments>();
  FitArguments& a = *arguments;
  command.add_option("model", a.model,
                     "ONNX file, or a system; the embedded default model when left out");
  command.add_option("--budget", a.budget,
                     "latency to keep, like 5ms (p99), p50<=800us or p50<2ms,p99<=4ms; without "
                     "one it is set at the knee of the frontier");
  command.add_option(
      "--data", a.data,
      "examples: a folder of PNG or JPEG files, an .npy or .npz stack or an IDX file; "
      "synthetic inputs when left out");
  command.add_option("--labels", a.labels, "labels: a .csv (file,label), .npy, .npz or IDX file");
  command.add_option("--metric", a.metric, "top1, top5, agreement or cosine");
  command.add_option("--sensitivity", a.sensitivity,
                     "how it is found what a layer's precision costs: independent (each alone) or "
                     "interlayer (in pairs, too)");
  command.add_option("--quality-floor", a.quality_floor, "least acceptable quality, in [0, 1]")
      ->check(CLI::Range(0.0, 1.0));
  command.add_option("--memory", a.memory, "most bytes of weights and activations, like 4MiB");
  command.add_option("--device", a.device,
                     "fit for this device by prediction: a file of `betimes probe` or one of "
                     "`betimes list devices`; nothing is verified until it is measured there");
  command.add_option("--threads", a.threads, "threads; several, like 1,2, make it a knob")
      ->delimiter(',');
  command.add_option("--shape", a.shapes, "shape of an input, like x=1,3,224,224");
  command.add_option("--scale", a.scale,
                     "factor on stored values before --mean and --std; 1/255 for pictures");
  command.add_option("--mean", a.loading.preprocess.mean, "per channel, subtracted after scaling")
      ->delimiter(',');
  command.add_option("--std", a.loading.preprocess.deviation, "per channel, divided by at the end")
      ->delimiter(',');
  command
      .add_option("--max-examples", a.loading.max_examples,
                  "use so many examples, evenly spaced over the data; 0 for all")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--seed", a.seed, "seed of every random choice");
  command.add_option("--max-seconds", a.max_seconds, "how long the fit may take, about")
      ->check(CLI::PositiveNumber);
  command.add_option("--out", a.out, "where the fitted ONNX file goes");
  command.add_option("--report", a.report, "where the HTML report goes; beside --out by default");
  declare_system_search(command, a.system);
  command.add_flag("--json", a.json, "print one JSON object (docs/json.md)");
  return [arguments] { return run_fit(*arguments); };
}

}  // namespace

Verb fit_verb() {
  return {"fit", "The best variant of a model under a latency budget, with the proof",
          "betimes fit model.onnx --budget 2ms --max-seconds 10", declare_fit};
}

}  // namespace betimes::cli

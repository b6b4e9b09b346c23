#include <fmt/format.h>
#include <torch/utils.h>

#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/import/onnx.h"
#include "betimes/import/safetensors.h"
#include "betimes/system/settings.h"
#include "betimes/system/system.h"
#include "systems/hardware/wa-hls4ml/generator.h"
#include "systems/hardware/wa-hls4ml/served.h"
#include "systems/hardware/wa-hls4ml/split.h"
#include "systems/hardware/wa-hls4ml/tables.h"
#include "systems/hardware/wa-hls4ml/train_served.h"

namespace betimes::system {
namespace {

using namespace systems::wa_hls4ml;

struct Plan {
  size_t chains = 20'000;
  SurrogateTraining costs = SurrogateTraining::of(ModelKind::transformer);
  SurrogateTraining success = SurrogateTraining::of(ModelKind::mlp);
  ClassifierTraining classifiers;
};

Plan plan_of(const TrainOptions& options) {
  Plan plan;
  plan.success.epochs = 40;
  if (options.quick) {
    plan.chains = 400;
    plan.costs.epochs = plan.success.epochs = 3;
    plan.costs.batch = plan.success.batch = 64;
    plan.classifiers = {2'000, 1, 1};
  }
  Settings settings(options.set, "wa-hls4ml's training");
  settings.whole("chains", plan.chains, 100, 1'000'000);
  settings.whole("epochs", plan.costs.epochs, 1, 10'000);
  settings.whole("batch", plan.costs.batch, 1, 100'000);
  settings.number("rate", plan.costs.rate, 1e-7, 1);
  settings.whole("classifier_epochs", plan.classifiers.epochs, 1, 1000);
  settings.finish();
  for (SurrogateTraining* how : {&plan.costs, &plan.success}) {
    how->seed = options.seed;
    how->resume = options.resume;
  }
  plan.classifiers.seed = options.seed;
  return plan;
}

struct Parts {
  std::vector<Sample> training, validation;
};

Parts parts_of(const TrainOptions& options, const Plan& plan) {
  if (!tables_present(options.places.data)) {
    throw Error("--data", "has no synthesised layers", "the folder that has wa-hls4ml/");
  }
  std::vector<Sample> all = read_tables(options.places.data);
  const auto layers = fit_layers(all);
  ChainOptions chains;
  chains.count = plan.chains;
  chains.seed = options.seed;
  const std::vector<Sample> made = make_chains(*layers, chains);
  options.line(fmt::format("{} synthesised layers and failures, {} generated chains", all.size(),
                           made.size()));
  all.insert(all.end(), made.begin(), made.end());
  const Split split = split_samples(all, 0.15, 0.15, options.seed);
  return {choose(all, split.training, false), choose(all, split.validation, false)};
}

void write_graph(graph::Graph graph, const std::string& path, const TrainOptions& options) {
  graph.metadata["data"] = "wa-hls4ml-search, and generated chains (synthetic)";
  graph.metadata["seed"] = std::to_string(options.seed);
  import::write_onnx(graph, path);
  options.line("wrote " + path);
}

}  // namespace

void wa_hls4ml_train(const TrainOptions& options) {
  if (options.places.weights.empty()) throw Error("--weights", "names no folder");
  torch::set_num_threads(options.threads);
  Plan plan = plan_of(options);
  const Parts parts = parts_of(options, plan);
  std::filesystem::create_directories(options.places.weights);
  const Files files(options.places.weights);
  const auto report = [&](const learn::Epoch& epoch) { options.line(to_string(epoch)); };

  Surrogate surrogate(ModelOptions::of(ModelKind::transformer), parts.training, LabelScale::log1p,
                      options.seed);
  plan.costs.checkpoint = files.costs + ".part";
  surrogate.train(parts.training, parts.validation, plan.costs, report);
  write_graph(costs_graph(surrogate), files.costs, options);

  SuccessClassifier classifier(parts.training, options.seed);
  plan.success.checkpoint = files.success + ".part";
  classifier.train(parts.training, parts.validation, plan.success, report);
  write_graph(success_graph(classifier), files.success, options);

  import::write_safetensors(files.classifiers, train_classifiers(plan.classifiers, options.line),
                            {{"data", "Fashion-MNIST in 7 x 7 pixels"},
                             { "seed",
                               std::to_string(options.seed) }});
  options.line("wrote " + files.classifiers);
  std::error_code ignored;
  std::filesystem::remove(plan.costs.checkpoint, ignored);
  std::filesystem::remove(plan.success.checkpoint, ignored);
}

}  // namespace betimes::system

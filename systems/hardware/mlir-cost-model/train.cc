#include <fmt/format.h>
#include <torch/utils.h>

#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/import/onnx.h"
#include "betimes/system/settings.h"
#include "betimes/system/system.h"
#include "systems/hardware/mlir-cost-model/baselines.h"
#include "systems/hardware/mlir-cost-model/served.h"
#include "systems/hardware/mlir-cost-model/train_sentences.h"
#include "systems/hardware/mlir-cost-model/workload.h"

namespace betimes::system {
namespace {

using namespace systems::mlir_cost_model;

struct Plan {
  std::string what = "all";  // "data", "all", "trees", or a reader
  std::string tokens = "all";
  int64_t graphs = 2000;
  int processes = 1;
  SentenceTraining training;
};

Plan plan_of(const TrainOptions& options) {
  Plan plan;
  plan.processes = options.threads;
  plan.training.seed = options.seed;
  plan.training.resume = options.resume;
  if (options.quick) {
    plan.graphs = 12;
    plan.training.epochs = 2;
  }
  const auto same = [](const std::string& each) { return each; };
  Settings settings(options.set, "mlir-cost-model's training");
  settings.choice<std::string>(
      "what", plan.what, {"all", "data", "trees", "bag", "lstm", "conv", "transformer"}, same);
  settings.choice<std::string>("tokens", plan.tokens, {"all", "ops", "operands", "buckets"}, same);
  settings.whole("graphs", plan.graphs, 10, 1'000'000);
  settings.whole("processes", plan.processes, 1, 256);
  settings.whole("epochs", plan.training.epochs, 1, 1000);
  settings.whole("batch", plan.training.batch, 1, 100'000);
  settings.number("rate", plan.training.rate, 1e-7, 1);
  settings.finish();
  return plan;
}

/// A line for each twentieth of the graphs.
void make(const std::string& path, const Plan& plan, const TrainOptions& options) {
  options.line(
      fmt::format("lowering {} functions by {} processes at a time", plan.graphs, plan.processes));
  MakeOptions how;
  how.graphs = plan.graphs;
  how.seed = options.seed;
  how.processes = plan.processes;
  how.progress = [&](int64_t done, int64_t all) {
    if (done * 20 / all != (done - 1) * 20 / all) {
      options.line(fmt::format("{} of {} functions lowered", done, all));
    }
  };
  make_data(path, how);
}

DataSet data_for(const Plan& plan, const TrainOptions& options) {
  if (options.places.data.empty()) {
    throw Error("--data", "names no folder", "where lowered functions are, or are put");
  }
  const std::string path = data_file(options.places.data);
  if (!data_present(options.places.data)) make(path, plan, options);
  DataSet data = read_data(path);
  // Who trains takes the data as they are; who asks for data gets as many.
  if (plan.what == "data" && static_cast<int64_t>(data.graphs.size()) < plan.graphs) {
    make(path, plan, options);
    data = read_data(path);
  }
  options.line(fmt::format("{}: {} functions, {} variants, {} more that the compiler refused", path,
                           data.graphs.size(), data.variants(), data.refused));
  return data;
}

bool wanted(const Plan& plan, Reader reader, Tokens tokens) {
  if (plan.what != "all" && plan.what != name(reader)) return false;
  if (plan.tokens != "all" && plan.tokens != name(tokens)) return false;
  // Long sentences take these two too long, and workload.h has them with operators alone.
  return tokens == Tokens::ops || reader == Reader::conv || reader == Reader::bag;
}

void train_one(const DataSet& data, const Split& split, Reader reader, Tokens tokens,
               const Plan& plan, const TrainOptions& options) {
  const std::string path = model_file(options.places.weights, name(reader), tokens);
  options.line(fmt::format("{}, {}", name(reader), name(tokens)));
  SentenceTraining how = plan.training;
  how.checkpoint = path + ".part";
  Learned learned =
      learn_sentences(data, split, reader, tokens, how,
                      [&](const learn::Epoch& epoch) { options.line(to_string(epoch)); });
  graph::Graph graph = served_graph(learned, tokens, options.seed);
  graph.metadata["seed"] = std::to_string(options.seed);
  import::write_onnx(graph, path);
  std::error_code ignored;
  std::filesystem::remove(how.checkpoint, ignored);
  options.line(fmt::format("wrote {}", path));
}

}  // namespace

void mlir_cost_model_train(const TrainOptions& options) {
  const Plan plan = plan_of(options);
  if (plan.what != "data" && options.places.weights.empty()) {
    throw Error("--weights", "names no folder");
  }
  torch::set_num_threads(options.threads);
  const DataSet data = data_for(plan, options);
  if (plan.what == "data") return;
  const Split split = split_graphs(data, options.seed);
  std::filesystem::create_directories(options.places.weights);
  if (plan.what == "all" || plan.what == "trees") {
    const std::string path = trees_file(options.places.weights);
    write_file(path,
               boost(count_examples(data, split.training, cycles_target), options.seed).json());
    options.line(fmt::format("wrote {}", path));
  }
  for (const Reader reader : all_readers()) {
    for (const Tokens tokens : all_tokens()) {
      if (wanted(plan, reader, tokens)) train_one(data, split, reader, tokens, plan, options);
    }
  }
}

}  // namespace betimes::system

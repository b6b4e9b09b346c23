#include <fmt/format.h>
#include <torch/utils.h>

#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/learn/checkpoint.h"
#include "betimes/system/settings.h"
#include "betimes/system/system.h"
#include "systems/hardware/preroutgnn/circuits.h"
#include "systems/hardware/preroutgnn/served.h"
#include "systems/hardware/preroutgnn/split.h"
#include "systems/hardware/preroutgnn/stand_in.h"
#include "systems/hardware/preroutgnn/train_plan.h"
#include "systems/hardware/preroutgnn/workload.h"

namespace betimes::system {
namespace {

using namespace systems::preroutgnn;

enum class What { all, data, model };

struct Plan {
  What what = What::all;  // "all": every model that fit chooses among
  ModelOptions model;
  Training code = standard_code_training(), predictor = standard_training();
};

Plan plan_of(const TrainOptions& options) {
  Plan plan;
  if (options.quick) plan.code.epochs = plan.predictor.epochs = 2;
  Settings settings(options.set, "preroutgnn's training");
  settings.choice<What>("what", plan.what, {What::all, What::data, What::model}, [](What what) {
    return what == What::all ? "all" : what == What::data ? "data" : "model";
  });
  settings.whole("hidden", plan.model.hidden, 8, 512);
  settings.whole("net_layers", plan.model.net_layers, 1, 8);
  settings.whole("corners", plan.model.corners, 1, 2);
  settings.whole("latent", plan.model.latent, 0, 64);
  settings.whole("code_hidden", plan.model.code_hidden, 8, 512);
  settings.choice<Reading>("reading", plan.model.reading, {Reading::attention, Reading::mean},
                           [](Reading each) { return name(each); });
  settings.choice<Residual>("residual", plan.model.residual,
                            {Residual::none, Residual::nets, Residual::all_steps},
                            [](Residual each) { return name(each); });
  settings.whole("code_epochs", plan.code.epochs, 1, 1'000'000);
  settings.whole("epochs", plan.predictor.epochs, 1, 1'000'000);
  settings.number("code_rate", plan.code.rate, 1e-7, 1);
  settings.number("rate", plan.predictor.rate, 1e-7, 1);
  settings.number("divergence", plan.code.divergence, 0, 1e6);
  int64_t batch = plan.predictor.batch, teacher = 1, fall = 1;
  settings.whole("batch", batch, 1, 100'000);
  settings.whole("block_pins", plan.predictor.most_pins, 0, 1'000'000'000);
  settings.whole("halo", plan.predictor.halo, 0, 1000);
  settings.whole("teacher_forcing", teacher, 0, 1);
  settings.whole("fall", fall, 0, 1);
  settings.choice<ArrivalUnit>("arrival_unit", plan.predictor.arrival_unit,
                               {ArrivalUnit::of_step, ArrivalUnit::delay},
                               [](ArrivalUnit each) { return name(each); });
  settings.finish();
  plan.predictor.teacher_forcing = teacher == 1;
  plan.code.most_pins = plan.predictor.most_pins;
  plan.code.halo = plan.predictor.halo;
  check(plan.predictor);
  for (Training* how : {&plan.code, &plan.predictor}) {
    how->seed = options.seed;
    how->resume = options.resume;
    how->batch = batch;
    how->fall = fall == 1;
  }
  return plan;
}

CircuitSet circuits_for(const TrainOptions& options) {
  const std::string& folder = options.places.data;
  if (folder.empty()) {
    if (!options.quick) {
      throw Error("--data", "names no folder", "where circuits are, or are put");
    }
    options.line("stand-in circuits (synthetic): --data names no folder");
    return stand_in_circuits(options.seed, 6, 400);
  }
  if (!data_present(folder)) {
    MakeOptions how;
    how.seed = options.seed;
    how.quick = options.quick;
    how.progress = [&](const std::string& design, int64_t done, int64_t designs) {
      options.line(fmt::format("{} of {} designs: {}", done, designs, design));
    };
    if (options.quick) {
      // Later runs take what they find for the whole set.
      options.line("six small designs, which aren't kept");
      return make_circuits(how);
    }
    std::filesystem::create_directories(std::filesystem::path(data_file(folder)).parent_path());
    write_circuits(data_file(folder), make_circuits(how));
  }
  return read_circuits(data_file(folder));
}

void train_one(const CircuitSet& circuits, const Parts& parts, const ModelOptions& model,
               const Plan& plan, const TrainOptions& options) {
  const std::string path = model_file(options.places.weights, model);
  options.line(fmt::format("{}, tables by {}, latent {}", path, name(model.reading), model.latent));
  Stages stages{plan.code, plan.predictor};
  stages.code.checkpoint = path + ".code.part";
  stages.predictor.checkpoint = path + ".part";
  const Statistics statistics = fit_statistics(parts.training, circuits.arcs);
  Predictor trained =
      train_stages(parts, circuits.arcs, statistics, model, stages,
                   [&](const learn::Epoch& epoch) { options.line(to_string(epoch)); });
  std::map<std::string, std::string> metadata = format_options(model);
  metadata.merge(format_statistics(statistics));
  metadata["validation"] = join_names(parts.validation);
  metadata["seed"] = std::to_string(options.seed);
  metadata["library"] = circuits.technology;
  learn::save_weights(path, *trained, metadata);
  options.line(fmt::format("wrote {}", path));
  std::error_code ignored;
  std::filesystem::remove(stages.code.checkpoint, ignored);
  std::filesystem::remove(stages.predictor.checkpoint, ignored);
}

}  // namespace

void preroutgnn_train(const TrainOptions& options) {
  const Plan plan = plan_of(options);
  if (plan.what != What::data && options.places.weights.empty()) {
    throw Error("--weights", "names no folder");
  }
  if (plan.what == What::data && options.quick) {
    throw Error("--quick", "keeps no data", "--set what=data without it");
  }
  torch::set_num_threads(options.threads);
  const CircuitSet circuits = circuits_for(options);
  if (plan.what == What::data) return;
  const Parts parts = hold_out(circuits.training, options.seed);
  std::filesystem::create_directories(options.places.weights);
  std::vector<ModelOptions> models = {plan.model};
  if (plan.what == What::all) models = served_models(plan.model);
  for (const ModelOptions& model : models) train_one(circuits, parts, model, plan, options);
}

}  // namespace betimes::system

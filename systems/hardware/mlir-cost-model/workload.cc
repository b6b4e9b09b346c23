#include "systems/hardware/mlir-cost-model/workload.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "betimes/base/error.h"
#include "betimes/cost/boosted_trees.h"
#include "betimes/judge/metric.h"
#include "systems/hardware/mlir-cost-model/counts.h"
#include "systems/hardware/mlir-cost-model/served.h"
#include "systems/hardware/mlir-cost-model/split.h"

namespace betimes::systems::mlir_cost_model {
namespace {

std::string text(const fit::Setting& setting, const char* knob) {
  return std::get<std::string>(setting.at(knob));
}

DataSet data_of(const system::Places& places) {
  if (data_present(places.data)) return read_data(data_file(places.data));
  throw Error("--data", "has no lowered functions of mlir-cost-model",
              "the folder that betimes train mlir-cost-model was given");
}

class ChoiceWorkload : public fit::Workload {
 public:
  explicit ChoiceWorkload(const system::OpenOptions& options)
      : options_(options), knobs_(knob_space()), data_(data_of(options.places)) {
    // The standard model's file says which graphs training left out; that of trees can't.
    apply(knobs_.standard());
  }

  const fit::KnobSpace& knobs() const override { return knobs_; }

  void apply(const fit::Setting& setting) override {
    knobs_.check(setting);
    const std::string& weights = options_.places.weights;
    const std::string model = text(setting, "model");
    trees_.reset();
    sentences_.reset();
    if (model == "trees") {
      const std::string path = trees_file(weights);
      if (!std::filesystem::exists(path)) {
        throw Error(path, "isn't there", "betimes train mlir-cost-model, which writes it");
      }
      trees_ = cost::BoostedTrees::read(path);
    } else {
      sentences_ = CostModel::read(model_file(weights, model, find_tokens(text(setting, "tokens"))),
                                   std::get<int64_t>(setting.at("length")), options_.threads);
      split_seed_ = sentences_->split_seed();
    }
    split_ = split_graphs(data_, split_seed_);
  }

  void run() override {
    next_ = (next_ + 1) % split_.validation.size();
    const Graph& graph = data_.graphs[split_.validation[next_]];
    double least = cost(graph.function, schedules_[0]);
    chosen_ = 0;
    for (size_t i = 1; i < schedules_.size(); ++i) {
      const double found = cost(graph.function, schedules_[i]);
      if (found >= least) continue;
      least = found;
      chosen_ = i;
    }
  }

  judge::Quality quality(fit::Part part) override {
    std::vector<double> shares;
    for (const size_t i : part == fit::Part::validation ? split_.validation : split_.test) {
      const Graph& graph = data_.graphs[i];
      double best = graph.variants[0].labels.run_cycles, chosen = best;
      std::optional<double> least;
      for (const Variant& variant : graph.variants) {
        const double found = cost(graph.function, variant.schedule);
        best = std::min(best, variant.labels.run_cycles);
        if (least && found >= *least) continue;
        least = found;
        chosen = variant.labels.run_cycles;
      }
      shares.push_back(best / chosen);
    }
    return judge::summarize(shares);
  }

  size_t memory_bytes() const override { return sentences_ ? sentences_->memory_bytes() : 0; }

 private:
  double cost(const Function& function, const Schedule& schedule) {
    if (trees_) return double{trees_->predict(count(function, schedule))};
    return sentences_->predict(function, schedule).values[cycles_target];
  }

  system::OpenOptions options_;
  fit::KnobSpace knobs_;
  DataSet data_;
  std::vector<Schedule> schedules_ = all_schedules();
  std::optional<cost::BoostedTrees> trees_;
  std::optional<CostModel> sentences_;
  uint64_t split_seed_ = 1;
  Split split_;
  size_t next_ = 0, chosen_ = 0;
};

}  // namespace

fit::KnobSpace knob_space() {
  fit::KnobSpace space;
  const auto texts = [](std::vector<std::string> names) {
    fit::Categories categories;
    for (std::string& each : names) categories.values.emplace_back(std::move(each));
    return categories;
  };
  space.add({"model", texts({"conv", "bag", "lstm", "transformer", "trees"}), std::string("conv"),
             "what reads the sentence; trees read operator counts and no sentence"});
  space.add({"tokens", texts({"ops", "operands", "buckets"}), std::string("ops"),
             "operators with their types; with operands; with extents by power of two"});
  space.add({"length", fit::Integers{64, 1024, 64}, int64_t{256},
             "tokens that a sentence is cut at; time up to in proportion"});
  space.require("lstm, transformer and trees are trained for ops", [](const fit::Setting& setting) {
    const std::string model = text(setting, "model");
    return model == "conv" || model == "bag" || text(setting, "tokens") == "ops";
  });
  space.require("trees have one length, 256", [](const fit::Setting& setting) {
    return text(setting, "model") != "trees" || std::get<int64_t>(setting.at("length")) == 256;
  });
  return space;
}

std::unique_ptr<fit::Workload> open_workload(const system::OpenOptions& options) {
  return std::make_unique<ChoiceWorkload>(options);
}

std::string trees_file(const std::string& folder) {
  return (std::filesystem::path(folder) / "mlir-cost-model-trees.json").string();
}

}  // namespace betimes::systems::mlir_cost_model

#include "systems/hardware/preroutgnn/workload.h"

#include <algorithm>
#include <optional>

#include "betimes/base/error.h"
#include "betimes/import/safetensors.h"
#include "betimes/judge/metric.h"
#include "systems/hardware/preroutgnn/circuits.h"
#include "systems/hardware/preroutgnn/served.h"
#include "systems/hardware/preroutgnn/split.h"

namespace betimes::systems::preroutgnn {
namespace {

CircuitSet circuits_of(const system::Places& places) {
  if (data_present(places.data)) return read_circuits(data_file(places.data));
  throw Error("--data", "has no circuits of preroutgnn",
              "the folder that betimes train preroutgnn was given");
}

class TimingWorkload : public fit::Workload {
 public:
  explicit TimingWorkload(const system::OpenOptions& options)
      : options_(options), knobs_(knob_space()), circuits_(circuits_of(options.places)) {
    apply(knobs_.standard());
  }

  const fit::KnobSpace& knobs() const override { return knobs_; }

  void apply(const fit::Setting& setting) override {
    knobs_.check(setting);
    ModelOptions model;
    model.hidden = std::get<int64_t>(setting.at("hidden"));
    model.latent = std::get<int64_t>(setting.at("latent"));
    model.reading = find_reading(std::get<std::string>(setting.at("reading")));
    const std::string path = model_file(options_.places.weights, model);
    predictor_.emplace(path, circuits_.arcs,
                       ServedPredictor::Settings{std::get<int64_t>(setting.at("levels_per_call")),
                                                 options_.threads});
    find_validation(path);
  }

  void run() override {
    next_ = (next_ + 1) % validation_.size();
    last_ = predictor_->predict(*validation_[next_]);
  }

  judge::Quality quality(fit::Part part) override {
    std::vector<const Circuit*> designs = validation_;
    if (part == fit::Part::test) {
      designs.clear();
      for (const Circuit& each : circuits_.test) designs.push_back(&each);
    }
    const std::vector<size_t> chosen = columns(predictor_->options());
    std::vector<double> scores;
    for (const Circuit* each : designs) {
      const Prediction found = predictor_->predict(*each);
      const Measures measures = measure({each, 1}, {&found, 1}, chosen);
      // A design whose slack doesn't vary says nothing.
      if (const auto r2 = measures.slack_by_design[0]) scores.push_back(std::max(*r2, 0.0));
    }
    return judge::summarize(scores);
  }

  size_t memory_bytes() const override { return predictor_->memory_bytes(); }

 private:
  /// The model's file says which designs training chose its epoch by.
  void find_validation(const std::string& path) {
    const auto metadata = import::read_safetensors_metadata(path);
    const auto names = metadata.find("validation");
    validation_.clear();
    for (const std::string& name :
         split_names(names == metadata.end() ? std::string() : names->second)) {
      const auto found = std::ranges::find(circuits_.training, name, &Circuit::name);
      if (found == circuits_.training.end()) {
        throw Error(path, "was trained on designs that aren't among the circuits: " + name);
      }
      validation_.push_back(&*found);
    }
    if (validation_.empty()) {
      throw Error(path, "doesn't say which designs validated it",
                  "a model of betimes train preroutgnn");
    }
  }

  system::OpenOptions options_;
  fit::KnobSpace knobs_;
  CircuitSet circuits_;
  std::optional<ServedPredictor> predictor_;
  std::vector<const Circuit*> validation_;
  size_t next_ = 0;
  Prediction last_;
};

}  // namespace

fit::KnobSpace knob_space() {
  fit::KnobSpace space;
  const auto numbers = [](std::initializer_list<int64_t> values) {
    fit::Categories categories;
    for (const int64_t each : values) categories.values.emplace_back(each);
    return categories;
  };
  space.add({"hidden", numbers({32, 64, 128}), int64_t{32},
             "width of the MLPs; training writes the one it was told"});
  space.add({"reading", fit::Categories{{std::string("attention"), std::string("mean")}},
             std::string("attention"), "how delay tables are read; the mean is cheaper"});
  space.add({"latent", numbers({4, 0}), int64_t{4},
             "numbers of the auto-encoder a pin; 0 saves its layers"});
  space.add({"levels_per_call", numbers({1, 4, 16, 64}), int64_t{16},
             "levels whose part that needs no arrivals is computed at once: more memory for fewer "
             "calls"});
  space.require("a model without a latent attends", [](const fit::Setting& setting) {
    return std::get<int64_t>(setting.at("latent")) > 0 ||
           std::get<std::string>(setting.at("reading")) == "attention";
  });
  return space;
}

std::vector<ModelOptions> served_models(const ModelOptions& base) {
  std::vector<ModelOptions> found(3, base);
  found[1].reading = Reading::mean;
  found[2].latent = 0;
  return found;
}

std::unique_ptr<fit::Workload> open_workload(const system::OpenOptions& options) {
  return std::make_unique<TimingWorkload>(options);
}

}  // namespace betimes::systems::preroutgnn

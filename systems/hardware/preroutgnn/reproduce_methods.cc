#include <fmt/format.h>

#include <chrono>
#include <functional>

#include "systems/hardware/preroutgnn/baselines.h"
#include "systems/hardware/preroutgnn/partition.h"
#include "systems/hardware/preroutgnn/reproduce_parts.h"
#include "systems/hardware/preroutgnn/train_gcnii.h"

namespace betimes::systems::preroutgnn {
namespace {

using namespace method;

constexpr double progress_begins = 0.2, progress_ends = 0.95;

/// What one seed has in common: a split and a trained auto-encoder.
struct Ground {
  Parts parts;
  Statistics statistics;
  Stages stages;
  Autoencoder code{nullptr};
};

class Comparison {
 public:
  Comparison(system::Study& study, const Material& material)
      : study_(study), circuits_(material.circuits), seeds_(study.seeds(study.quick() ? 1 : 3)) {}

  Compared run() {
    const std::vector<std::string> learned = {published, full,      nonresidual, no_attention,
                                              no_code,   timinggcn, gcnii,       unpartitioned};
    // With an auto-encoder a seed; both units for two of them.
    total_ = static_cast<double>(seeds_.size() * (learned.size() + 1) + 2);
    for (size_t i = 0; i < seeds_.size(); ++i) {
      const Ground ground = prepare(seeds_[i]);
      for (const std::string& name : learned) {
        if (i == 0 && (name == published || name == nonresidual)) {
          learn_by_better_unit(name, ground);
        } else {
          learn(name, ground);
        }
      }
      add(trees, timed([&] {
            DelayTreesOptions how;
            how.seed = seeds_[i];
            if (study_.quick()) how.trees = 10;
            const DelayTrees learned_trees(circuits_.training, circuits_.arcs, how);
            return of_each([&](const Circuit& each) { return learned_trees.predict(each); });
          }));
    }
    add_wires();
    add(levels, timed([&] {
          return of_each(
              [&](const Circuit& each) { return level_times(circuits_.training, each); });
        }));
    return std::move(found_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  template <class Predict>
  std::vector<Prediction> of_each(const Predict& predict) const {
    std::vector<Prediction> found;
    for (const Circuit& each : circuits_.test) found.push_back(predict(each));
    return found;
  }

  std::vector<Prediction> timed(const std::function<std::vector<Prediction>()>& work) {
    const auto begun = Clock::now();
    std::vector<Prediction> found = work();
    seconds_ = std::chrono::duration<double>(Clock::now() - begun).count();
    return found;
  }

  EpochReport reporter(const std::string& what) {
    return [this, what](const learn::Epoch& epoch) {
      const double within = static_cast<double>(epoch.number) / epoch.epochs;
      study_.progress(
          progress_begins + (progress_ends - progress_begins) * (done_ + within) / total_,
          fmt::format("{}: {}", what, to_string(epoch)));
    };
  }

  Ground prepare(uint64_t seed) {
    Ground ground;
    ground.parts = hold_out(circuits_.training, seed);
    ground.statistics = fit_statistics(ground.parts.training, circuits_.arcs);
    ground.stages = stages_of(study_, seed);
    ground.code = train_autoencoder(ground.parts.training, ground.parts.validation, circuits_.arcs,
                                    ground.statistics, ModelOptions{}, ground.stages.code,
                                    reporter("auto-encoder"));
    done_ += 1;
    return ground;
  }

  static ModelOptions model_of(const std::string& name) {
    ModelOptions model;
    if (name == published) model.residual = Residual::nets;
    if (name == nonresidual || name == timinggcn) model.residual = Residual::none;
    if (name == no_attention) model.reading = Reading::mean;
    if (name == timinggcn) model.reading = Reading::product;
    if (name == timinggcn) model.latent = 0;
    return model;
  }

  /// The unit of arrival errors that validation chose for what adds as `name` does.
  ArrivalUnit unit_of(const std::string& name) const {
    const auto found = units_.find(model_of(name).residual);
    return found == units_.end() ? ArrivalUnit::of_step : found->second;
  }

  Predictor train(const std::string& name, const Ground& ground, ArrivalUnit unit) {
    const ModelOptions model = model_of(name);
    Training how = ground.stages.predictor;
    how.arrival_unit = unit;
    if (name == unpartitioned) how.most_pins = 0;
    Autoencoder code = ground.code;  // a handle: its weights are copied from
    const bool pre_trained = model.latent > 0 && name != no_code;
    Predictor network = train_predictor(ground.parts.training, ground.parts.validation,
                                        circuits_.arcs, ground.statistics, model,
                                        pre_trained ? &code : nullptr, how, reporter(name));
    done_ += 1;
    return network;
  }

  void learn(const std::string& name, const Ground& ground) {
    if (name != gcnii) {
      add(name, timed([&] {
            Predictor network = train(name, ground, unit_of(name));
            return predict_all(network, circuits_.test, circuits_.arcs);
          }));
      return;
    }
    add(name, timed([&] {
          const ModelOptions model = model_of(name);
          Gcnii network = train_gcnii(ground.parts.training, ground.parts.validation,
                                      circuits_.arcs, ground.statistics, model, GcniiOptions{},
                                      whole_designs(ground), reporter(name));
          return of_each([&](const Circuit& each) {
            return network->predict(make_graph(each, circuits_.arcs, ground.statistics, model));
          });
        }));
    done_ += 1;
  }

  /// As many steps of whole designs as the others have of blocks.
  Training whole_designs(const Ground& ground) const {
    Training how = ground.stages.predictor;
    size_t blocks = 0;
    for (const Circuit& each : ground.parts.training) {
      blocks += partition(each, how.most_pins, how.halo).size();
    }
    how.epochs *= static_cast<int>(blocks / ground.parts.training.size());
    how.most_pins = 0;
    return how;
  }

  /// What predicts arrivals anew has them far apart and what adds has small ones: neither is given
  /// the unit that suits it less.
  void learn_by_better_unit(const std::string& name, const Ground& ground) {
    const size_t late[] = {late_rise, late_fall};
    std::optional<double> best;
    std::vector<Prediction> kept;
    double seconds = 0;
    std::string tried;
    for (const ArrivalUnit unit : {ArrivalUnit::of_step, ArrivalUnit::delay}) {
      Predictor network{nullptr};
      const std::vector<Prediction> found = timed([&] {
        network = train(name, ground, unit);
        return predict_all(network, circuits_.test, circuits_.arcs);
      });
      const auto held_out = predict_all(network, ground.parts.validation, circuits_.arcs);
      const double score =
          measure(ground.parts.validation, held_out, late).arrival.r2().value_or(0);
      tried += fmt::format("{}{:.3f} by {}", tried.empty() ? "" : ", ", score,
                           unit == ArrivalUnit::of_step ? "what the step predicts" : "cell delays");
      if (best && *best >= score) continue;
      best = score;
      kept = found;
      seconds = seconds_;
      units_[model_of(name).residual] = unit;
    }
    study_.note(
        fmt::format("Unit of arrival errors, {}: validation R2 of arrivals {}.", name, tried));
    seconds_ = seconds;
    add(name, kept);
  }

  /// The circuits hold their times already; they cost what analysing (and, for trees, routing)
  /// does.
  void add_wires() {
    double analysis = 0, routing = 0;
    for (const Circuit& each : circuits_.test) {
      analysis += each.analyse_seconds;
      routing += each.route_seconds;
    }
    seconds_ = analysis;
    add(straight, of_each(straight_wires));
    seconds_ = analysis + routing;
    add(routed_trees, of_each(tree_wires));
  }

  void add(const std::string& name, const std::vector<Prediction>& predictions) {
    const size_t late[] = {late_rise, late_fall};
    const Measures found = measure(circuits_.test, predictions, late);
    const auto keep = [&](const std::string& metric, const std::optional<double>& value) {
      if (value) found_.scores[metric][name].push_back(*value);
    };
    keep(metric::slack, found.mean_slack_r2());
    keep(metric::pooled, found.slack.r2());
    keep(metric::arrival, found.arrival.r2());
    keep(metric::slew, found.slew.r2());
    keep(metric::net_delay, found.net_delay.r2());
    keep(metric::cell_delay, found.cell_delay.r2());
    keep(metric::seconds, seconds_);
    for (size_t q = 0; q < depth_quartiles; ++q) {
      keep(metric::quartile(q), found.slack_by_depth[q].r2());
    }
    if (found_.first.contains(name)) return;
    found_.names.push_back(name);
    found_.first[name] = found;
  }

  system::Study& study_;
  const CircuitSet& circuits_;
  std::vector<uint64_t> seeds_;
  Compared found_;
  std::map<Residual, ArrivalUnit> units_;
  double done_ = 0, total_ = 1, seconds_ = 0;
};

}  // namespace

void compare_methods(system::Study& study, const Material& material) {
  report_methods(study, Comparison(study, material).run());
}

}  // namespace betimes::systems::preroutgnn

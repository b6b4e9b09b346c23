#include <fmt/format.h>

#include <chrono>
#include <functional>

#include "systems/hardware/preroutgnn/baselines.h"
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
    std::vector<std::string> learned = {full,      nonresidual, no_attention, no_code,
                                        nets_only, blocks,      timinggcn,    gcnii};
    // Two models with all seeds, the others with one.
    total_ = static_cast<double>(learned.size() + 2 * (seeds_.size() - 1) + seeds_.size());
    for (size_t i = 0; i < seeds_.size(); ++i) {
      const Ground ground = prepare(seeds_[i]);
      for (const std::string& name : learned) {
        if (i == 0 || name == full || name == nonresidual) learn(name, ground);
      }
      if (i > 0) continue;
      add_straight();
      add(trees, timed([&] {
            DelayTreesOptions how;
            how.seed = seeds_[i];
            if (study_.quick()) how.trees = 10;
            const DelayTrees learned_trees(circuits_.training, circuits_.arcs, how);
            std::vector<Prediction> found;
            for (const Circuit& each : circuits_.test) found.push_back(learned_trees.predict(each));
            return found;
          }));
    }
    return std::move(found_);
  }

 private:
  using Clock = std::chrono::steady_clock;

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

  void learn(const std::string& name, const Ground& ground) {
    ModelOptions model;
    Training how = ground.stages.predictor;
    if (name == nonresidual || name == timinggcn) model.residual = Residual::none;
    if (name == nets_only) model.residual = Residual::nets;
    if (name == no_attention) model.reading = Reading::mean;
    if (name == timinggcn) model.reading = Reading::product;
    if (name == no_code || name == timinggcn) model.latent = 0;
    if (name == blocks) how.most_pins = block_pins(study_);
    std::vector<Prediction> found;
    if (name == gcnii) {
      found = timed([&] {
        Gcnii network = train_gcnii(ground.parts.training, ground.parts.validation, circuits_.arcs,
                                    ground.statistics, model, GcniiOptions{}, how, reporter(name));
        std::vector<Prediction> all;
        for (const Circuit& each : circuits_.test) {
          all.push_back(
              network->predict(make_graph(each, circuits_.arcs, ground.statistics, model)));
        }
        return all;
      });
    } else {
      found = timed([&] {
        Autoencoder code = ground.code;  // a handle: its weights are copied from
        Predictor network = train_predictor(
            ground.parts.training, ground.parts.validation, circuits_.arcs, ground.statistics,
            model, model.latent > 0 ? &code : nullptr, how, reporter(name));
        return predict_all(network, circuits_.test, circuits_.arcs);
      });
    }
    done_ += 1;
    add(name, found);
  }

  static int64_t block_pins(const system::Study& study) {
    return study.quick() ? 150 : reproduced_block_pins;
  }

  /// The circuits hold its times already; it costs what analysing the routed wires does.
  void add_straight() {
    std::vector<Prediction> found;
    seconds_ = 0;
    for (const Circuit& each : circuits_.test) {
      found.push_back(straight_wires(each));
      seconds_ += each.analyse_seconds;
    }
    add(straight, found);
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
  double done_ = 0, total_ = 1, seconds_ = 0;
};

}  // namespace

void compare_methods(system::Study& study, const Material& material) {
  report_methods(study, Comparison(study, material).run());
}

}  // namespace betimes::systems::preroutgnn

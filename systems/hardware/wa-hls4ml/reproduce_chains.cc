#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "betimes/base/statistics.h"
#include "systems/hardware/wa-hls4ml/reproduce_parts.h"
#include "systems/hardware/wa-hls4ml/split.h"

namespace betimes::systems::wa_hls4ml {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double progress_begins = 0.3;  // the folds come before

double microseconds(const std::function<void()>& run, int rounds) {
  std::vector<double> found;
  for (int i = 0; i < rounds + 3; ++i) {
    const auto begun = Clock::now();
    run();
    const std::chrono::duration<double, std::micro> took = Clock::now() - begun;
    if (i >= 3) found.push_back(took.count());  // the first ones warm up
  }
  return median(found);
}

/// What is learned from and tested on with one seed.
struct Experiment {
  std::vector<Sample> training, validation;             // synthesised or not
  std::vector<Sample> chains, deep, layers, exemplars;  // tested; all synthesised
};

std::vector<Sample> synthesised(const std::vector<Sample>& samples,
                                const std::function<bool(const Sample&)>& wanted) {
  std::vector<Sample> found;
  std::ranges::copy_if(samples, std::back_inserter(found),
                       [&](const Sample& sample) { return sample.costs && wanted(sample); });
  return found;
}

Experiment make_experiment(const Data& data, const Sizes& sizes, uint64_t seed) {
  ChainOptions options;
  options.count = sizes.chains;
  options.seed = seed;
  std::vector<Sample> all = make_chains(*data.layers, options);
  all.insert(all.end(), data.measured.begin(), data.measured.end());
  const Split split = split_samples(all, 0.15, 0.15, seed);
  Experiment made;
  made.training = choose(all, split.training, false);
  made.validation = choose(all, split.validation, false);
  const std::vector<Sample> test = choose(all, split.test, false);
  made.chains = synthesised(test, [](const Sample& sample) { return !sample.measured; });
  made.layers = synthesised(test, [](const Sample& sample) { return sample.measured; });
  made.deep = synthesised(made.chains,
                          [](const Sample& sample) { return sample.network.layers.size() > 1; });
  made.exemplars =
      synthesised(make_exemplars(*data.layers, seed), [](const Sample&) { return true; });
  return made;
}

/// Everything that was predicted by one contender, over seeds.
struct Result {
  Predicted chains, exemplars;
  double seconds = 0, single = 0, batched = 0;  // to fit; microseconds a prediction, of 512 at once
};

class Comparison {
 public:
  Comparison(system::Study& study, const Data& data)
      : study_(study),
        data_(data),
        sizes_(sizes_of(study)),
        seeds_(study.seeds(1)),
        all_(contenders({sizes_.chain_epochs, sizes_.chain_batch, sizes_.trees,
                         [this](const std::string& what) { study_.progress(progress_, what); }})) {}

  void run() {
    for (const uint64_t seed : seeds_) run_seed(seed);
    if (!study_.quick()) give_evidence();
    study_.evidence("fast", scores_.mean("single", "gatv2"));
    give_tables();
    give_picture();
  }

 private:
  void run_seed(uint64_t seed) {
    const Experiment made = make_experiment(data_, sizes_, seed);
    for (const Contender& each : all_) {
      progress_ = progress_begins + (1 - progress_begins) * static_cast<double>(done_++) /
                                        static_cast<double>(all_.size() * seeds_.size());
      study_.progress(progress_, fmt::format("chains, seed {}, {}", seed, each.name));
      const auto begun = Clock::now();
      const auto estimator = each.fit(made.training, made.validation, seed);
      Result& result = results_[each.name];
      result.seconds += std::chrono::duration<double>(Clock::now() - begun).count() /
                        static_cast<double>(seeds_.size());
      Predicted chains, layers, exemplars, deep;
      chains.add(*estimator, made.chains);
      layers.add(*estimator, made.layers);
      exemplars.add(*estimator, made.exemplars);
      deep.add(*estimator, made.deep);
      add_scores(each.name, chains.scores(), scores_);
      add_scores(each.name + ", exemplars", exemplars.scores(), scores_);
      if (data_.real()) add_scores(each.name + ", measured", layers.scores(), scores_);
      add_scores(each.name + ", deep", deep.scores(), scores_);
      keep(result.chains, chains);
      keep(result.exemplars, exemplars);
      time(*estimator, each.name, made, result);
    }
  }

  static void keep(Predicted& all, const Predicted& some) {
    all.samples.insert(all.samples.end(), some.samples.begin(), some.samples.end());
    all.costs.insert(all.costs.end(), some.costs.begin(), some.costs.end());
  }

  void time(const Estimator& estimator, const std::string& name, const Experiment& made,
            Result& result) {
    const int rounds = study_.quick() ? 5 : 200;
    const Network& network = made.deep.front().network;
    const double single = microseconds([&] { estimator.predict(network); }, rounds);
    std::vector<Sample> batch;
    while (batch.size() < 512) batch.push_back(made.deep[batch.size() % made.deep.size()]);
    const double many = microseconds([&] { estimator.predict_all(batch); }, rounds / 5);
    result.single += single / static_cast<double>(seeds_.size());
    result.batched += many / 512 / static_cast<double>(seeds_.size());
    scores_.add("single", name, single);
  }

  /// The worse of the two sequence models, seed by seed.
  system::Estimate worse(const std::string& metric) const {
    system::Scores both;
    const std::vector<double>&graph = scores_.of(metric, "gatv2"),
          &sequence = scores_.of(metric, "transformer");
    for (size_t i = 0; i < graph.size(); ++i) {
      both.add(metric, "worse", std::max(graph[i], sequence[i]));
    }
    return noted(both.mean(metric, "worse"));
  }

  /// Targets of six where the model's median SMAPE on chains of two layers and more is below the
  /// MLP's.
  system::Estimate beaten(const std::string& model) const {
    system::Scores counts;
    for (size_t i = 0; i < seeds_.size(); ++i) {
      double count = 0;
      for (const Target target : all_targets) {
        count += scores_.of(name(target), model + ", deep")[i] <
                 scores_.of(name(target), "mlp, deep")[i];
      }
      counts.add("targets", model, count);
    }
    return noted(counts.mean("targets", model));
  }

  system::Estimate noted(system::Estimate found) const {
    found.note =
        fmt::format("generated chains; {} seed{}", seeds_.size(), seeds_.size() == 1 ? "" : "s");
    return found;
  }

  void give_evidence() {
    study_.evidence("cycles", worse("cycles"));
    study_.evidence("interval", worse("II"));
    study_.evidence("lut", worse("LUT"));
    study_.evidence("ff", worse("FF"));
    study_.evidence("graph-over-mlp", beaten("gatv2"));
    study_.evidence("transformer-over-mlp", beaten("transformer"));
    study_.evidence("r2-cycles", noted(scores_.mean("cycles R2", "gatv2")));
    study_.evidence("r2-dsp", noted(scores_.mean("DSP R2", "gatv2")));
    study_.evidence("exemplars-worse", noted(scores_.ratio("error", "gatv2, exemplars", "gatv2")));
    study_.evidence("over-trees", noted(scores_.ratio("error", "trees", "gatv2")));
  }

  system::Table medians(const std::string& title, const std::string& part) const {
    system::Table table{title, {"method"}, {}};
    for (const Target target : all_targets) table.columns.emplace_back(name(target));
    table.columns.emplace_back("joint");
    for (const Contender& each : all_) {
      std::vector<system::Cell> row = {each.name};
      for (const Target target : all_targets) {
        row.emplace_back(scores_.mean(name(target), each.name + part).value);
      }
      row.emplace_back(scores_.mean("error", each.name + part).value);
      table.rows.push_back(std::move(row));
    }
    return table;
  }

  void give_tables() {
    study_.table(medians("Generated chains, test part: median SMAPE (%) and joint error", ""));
    study_.table(
        medians("Generated exemplars, held out: median SMAPE (%) and joint error", ", exemplars"));
    if (data_.real()) {
      study_.table(
          medians("Measured single layers of the same test part: median SMAPE (%) and joint error",
                  ", measured"));
    }
    std::vector<std::pair<std::string, Scores>> chains, exemplars;
    for (const char* model : {"trees", "gatv2", "transformer"}) {
      chains.emplace_back(model, results_.at(model).chains.scores());
      exemplars.emplace_back(model, results_.at(model).exemplars.scores());
    }
    study_.table(measures_table("Generated chains, test part: every measure", chains));
    study_.table(measures_table("Generated exemplars: every measure", exemplars));
    system::Table cost{
        "What a prediction costs: seconds to fit, microseconds alone and of 512 at once",
        {"method", "seconds to fit", "alone", "of 512"},
        {}};
    for (const Contender& each : all_) {
      const Result& result = results_.at(each.name);
      cost.rows.push_back({each.name, result.seconds, result.single, result.batched});
    }
    study_.table(std::move(cost));
  }

  /// Joint error by the number of layers.
  void give_picture() {
    system::Picture picture{"Generated chains, test part",
                            "layers",
                            "median SMAPE, geometric mean over targets (%)",
                            false,
                            true,
                            {}};
    for (const Contender& each : all_) {
      if (each.name == "mean") continue;
      const Predicted& all = results_.at(each.name).chains;
      system::Series series{each.name, {}, {}, {}, {}, true};
      for (size_t layers = 1; layers <= 6; ++layers) {
        Predicted own;
        for (size_t i = 0; i < all.samples.size(); ++i) {
          if (all.samples[i].network.layers.size() != layers) continue;
          own.samples.push_back(all.samples[i]);
          own.costs.push_back(all.costs[i]);
        }
        if (own.samples.empty()) continue;
        series.x.push_back(static_cast<double>(layers));
        series.y.push_back(joint_error(own.scores()));
      }
      picture.series.push_back(std::move(series));
    }
    study_.picture(std::move(picture));
  }

  system::Study& study_;
  const Data& data_;
  Sizes sizes_;
  std::vector<uint64_t> seeds_;
  std::vector<Contender> all_;
  std::map<std::string, Result> results_;
  system::Scores scores_;
  size_t done_ = 0;
  double progress_ = progress_begins;
};

}  // namespace

void compare_chains(system::Study& study, const Data& data) { Comparison(study, data).run(); }

}  // namespace betimes::systems::wa_hls4ml

#include "systems/hardware/wa-hls4ml/reproduce_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "systems/hardware/wa-hls4ml/split.h"
#include "systems/hardware/wa-hls4ml/tables.h"

namespace betimes::systems::wa_hls4ml {
namespace {

constexpr double least_error = 0.1;  // percent: a target that is met exactly says no more

Contender trained(const std::string& title, const ModelOptions& options, LabelScale scale,
                  const Lengths& lengths) {
  return {title,
          [title, options, scale, lengths](std::span<const Sample> training,
                                           std::span<const Sample> validation,
                                           uint64_t seed) -> std::unique_ptr<Estimator> {
            auto surrogate = std::make_unique<Surrogate>(options, training, scale, seed);
            SurrogateTraining how = SurrogateTraining::of(options.kind);
            how.epochs = lengths.epochs;
            how.batch = lengths.batch;
            how.seed = seed;
            surrogate->train(training, validation, how, [&](const learn::Epoch& epoch) {
              lengths.tell(fmt::format("{}, {}", title, learn::to_string(epoch)));
            });
            return surrogate;
          }};
}

}  // namespace

Sizes sizes_of(const system::Study& study) {
  if (!study.quick()) return {};
  return {2, 2, 64, 400, 3, 64, 20};
}

Data read_data(const system::Places& places) {
  Data data;
  if (tables_present(places.data)) {
    data.measured = read_tables(places.data);
    data.layers = fit_layers(data.measured);
  } else {
    data.layers = plain_layers();
  }
  return data;
}

std::vector<Contender> contenders(const Lengths& lengths) {
  constexpr LabelScale scale = LabelScale::log1p;
  const int trees = lengths.trees;
  std::vector<Contender> found = {
      {"mean", [](auto training, auto, uint64_t) { return fit_mean(training); }},
      {"linear", [](auto training, auto, uint64_t) { return fit_linear(training, scale); }},
      {"trees",
       [trees](auto training, auto, uint64_t) { return fit_trees(training, scale, trees); }}};
  for (const ModelKind kind :
       {ModelKind::mlp, ModelKind::sage, ModelKind::gatv2, ModelKind::transformer}) {
    found.push_back(trained(name(kind), ModelOptions::of(kind), scale, lengths));
  }
  return found;
}

std::vector<Contender> variants(const Lengths& lengths) {
  ModelOptions blind = ModelOptions::of(ModelKind::transformer);
  blind.context = false;
  return {
      trained(blind_transformer, blind, LabelScale::log1p, lengths),
      trained(shifted_gatv2, ModelOptions::of(ModelKind::gatv2), LabelScale::shifted_log, lengths)};
}

void Predicted::add(const Estimator& estimator, std::span<const Sample> some) {
  if (some.empty()) return;
  const std::vector<Costs> found = estimator.predict_all(some);
  samples.insert(samples.end(), some.begin(), some.end());
  costs.insert(costs.end(), found.begin(), found.end());
}

double joint_error(const Scores& scores) {
  double sum = 0;
  for (const Score& each : scores) sum += std::log(std::max(each.median_smape, least_error));
  return std::exp(sum / static_cast<double>(targets));
}

void add_scores(const std::string& contender, const Scores& found, system::Scores& scores) {
  for (const Target target : all_targets) {
    const Score& own = found[static_cast<size_t>(target)];
    scores.add(name(target), contender, own.median_smape);
    scores.add(fmt::format("{} R2", name(target)), contender, own.r2);
    scores.add(fmt::format("{} |error| q75", name(target)), contender, own.absolute_q75);
  }
  scores.add("error", contender, joint_error(found));
}

system::Table measures_table(const std::string& title,
                             const std::vector<std::pair<std::string, Scores>>& found) {
  system::Table table{title,
                      {"method", "target", "R2", "MAE", "RMSE", "SMAPE", "median SMAPE", "q25",
                       "q50", "q75", "|error| q75"},
                      {}};
  for (const auto& [contender, scores] : found) {
    for (const Target target : all_targets) {
      const Score& own = scores[static_cast<size_t>(target)];
      table.rows.push_back({contender, name(target), own.r2, own.mae, own.rmse, own.smape,
                            own.median_smape, own.q25, own.q50, own.q75, own.absolute_q75});
    }
  }
  return table;
}

void check_law(system::Study& study) {
  if (!tables_present(study.places().data)) {
    study.not_shown("law", "the tables aren't here: --data names the folder that has wa-hls4ml/");
    return;
  }
  system::Table table{"Single layers that were synthesised: how many follow the law",
                      {"strategy", "reuse factor", "layers", "best latency", "worst latency", "II"},
                      {}};
  const std::vector<TableCycles> rows = read_cycles(study.places().data);
  for (const Strategy strategy : {Strategy::resource, Strategy::latency}) {
    for (const bool reused : {true, false}) {
      double layers = 0, best = 0, worst = 0, interval = 0;
      for (const TableCycles& row : rows) {
        const int64_t reuse = row.network.layers[0].reuse;
        if (row.network.strategy != strategy || (reuse > 1) != reused) continue;
        const Cycles law = chain_cycles(std::span(&reuse, 1));
        ++layers;
        best += row.best == static_cast<double>(law.best);
        worst += row.worst == static_cast<double>(law.worst);
        interval += row.interval == static_cast<double>(law.interval);
      }
      table.rows.push_back(
          {name(strategy), reused ? "above 1" : "1", layers, best, worst, interval});
      if (strategy == Strategy::resource && reused) {
        study.evidence("law", {best / layers, wilson_interval(best, std::lround(layers), 0.95),
                               std::lround(layers), "measured single layers"});
      }
    }
  }
  study.table(std::move(table));
}

}  // namespace betimes::systems::wa_hls4ml

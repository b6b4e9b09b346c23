#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>

#include "systems/hardware/help/reproduce_parts.h"

namespace betimes::systems::help {
namespace {

using system::Cell;
using system::Scores;
using system::Study;

const char* const no_tables =
    "the tables aren't here: --data names the folder that has help-nas-latency/";

/// Rank correlations over seeds: at the end, of the checkpoint that the validation devices choose,
/// and at the highest point of the curve.
Scores scores_of(const std::vector<Run>& runs) {
  Scores scores;
  for (const Run& run : runs) {
    scores.add("last", run.method.name, run.mean_last());
    scores.add("best", run.method.name, run.mean_best());
    scores.add("peak", run.method.name, run.peak());
  }
  return scores;
}

system::Table methods_table(const std::string& title, const Tables& tables,
                            const std::vector<Run>& runs) {
  system::Table table{title, {"method", "seed"}, {}};
  for (const std::string& device : tables.space.unseen) table.columns.push_back(device);
  for (const char* column : {"mean", "best checkpoint", "its episode", "peak", "seconds"}) {
    table.columns.emplace_back(column);
  }
  for (const Run& run : runs) {
    std::vector<Cell> row = {run.method.name, static_cast<double>(run.seed)};
    for (const Scored& scored : run.last) row.emplace_back(scored.spearman);
    row.insert(row.end(),
               {run.mean_last(), run.mean_best(), static_cast<double>(run.trained.best_episode),
                run.peak(), run.trained.seconds});
    table.rows.push_back(std::move(row));
  }
  return table;
}

/// A row of what isn't meta-learned; the mean over its devices.
double add_baseline(system::Table& table, const std::string& name,
                    const std::vector<double>& found) {
  std::vector<Cell> row = {name, Cell("-")};
  double sum = 0;
  for (const double each : found) {
    row.emplace_back(each);
    sum += each / static_cast<double>(found.size());
  }
  row.insert(row.end(), {Cell(sum), Cell("-"), Cell("-"), Cell("-"), Cell("-")});
  table.rows.push_back(std::move(row));
  return sum;
}

template <class Score>
std::vector<double> over_unseen(const Tables& tables, const Score& score) {
  std::vector<double> found;
  for (const Device& device : make_devices(tables, tables.space.unseen)) {
    found.push_back(score(device));
  }
  return found;
}

/// What a method scores above one fixed figure.
system::Estimate above(const Scores& scores, const char* method, double fixed) {
  Scores shifted;
  for (const double value : scores.of("last", method)) shifted.add("above", method, value - fixed);
  return shifted.mean("above", method);
}

double scratch_mean(const Study& study, const Tables& tables, system::Table& table) {
  EvaluateOptions options;
  options.supports = study.quick() ? 1 : 5;
  ScratchOptions how;
  if (study.quick()) how.epochs = 50;
  return add_baseline(table, "from scratch on the ten",
                      over_unseen(tables, [&](const Device& device) {
                        return scratch(tables, device, options, how).spearman;
                      }));
}

double macs_mean(const Tables& tables, system::Table& table) {
  return add_baseline(table, "multiply-accumulates", over_unseen(tables, [&](const Device& device) {
                        return macs_spearman(tables, device);
                      }));
}

void judge_fbnet(Study& study, const Scores& scores, double from_scratch, double macs) {
  study.evidence("trained-fbnet", scores.mean("last", "help"));
  study.evidence("over-maml", scores.difference("last", "help", "maml"));
  study.evidence("over-meta-sgd", scores.difference("last", "help", "meta-sgd"));
  study.evidence("embedding-helps", scores.difference("last", "help", "modulator-only"));
  study.evidence("modulator-helps", scores.difference("last", "help", "embedding-only"));
  const std::vector<double>& own = scores.of("last", "help");
  Scores mixed;  // HELP as it ends, its rivals as they were best
  for (const double value : own) mixed.add("rank", "help", value);
  for (const std::string rival : {"maml", "meta-sgd"}) {
    for (const double value : scores.of("best", rival)) mixed.add("rank", rival, value);
    study.evidence("over-best-" + rival, mixed.difference("rank", "help", rival));
  }
  for (size_t i = 0; i < own.size(); ++i) {
    mixed.add("rank", "higher peak",
              std::max(scores.of("peak", "maml")[i], scores.of("peak", "meta-sgd")[i]));
  }
  study.evidence("over-peaks", mixed.difference("rank", "help", "higher peak"));
  study.evidence("over-scratch", above(scores, "help", from_scratch));
  study.evidence("over-macs", above(scores, "help", macs));
}

/// The regressor of the device's own has all that HELP's sources have of a pool.
double regressor_mean(const Tables& tables, system::Table& table) {
  return add_baseline(table, "graph regressor on 720 of 900",
                      over_unseen(tables, [&](const Device& device) {
                        EvaluateOptions options;
                        options.samples = device.pool.size();
                        options.supports = 1;
                        ScratchOptions how;
                        how.epochs = 100;
                        return scratch(tables, device, options, how).spearman;
                      }));
}

}  // namespace

void compare_fbnet(Study& study) {
  const bool real = tables_present(study.places().data, SpaceName::fbnet);
  if (!real && !study.quick()) {
    for (const char* id :
         {"trained-fbnet", "over-maml", "over-meta-sgd", "over-best-maml", "over-best-meta-sgd",
          "over-peaks", "embedding-helps", "modulator-helps", "over-scratch", "over-macs"}) {
      study.not_shown(id, no_tables);
    }
    return;
  }
  const Tables tables = real ? read_tables(study.places().data, SpaceName::fbnet)
                             : synthetic_tables(1500, study.seed());
  MetaOptions options;
  std::vector<Method> methods = all_methods();
  if (study.quick()) {
    options.episodes = 6;
    options.look_every = 3;
    methods.resize(3);
  }
  const std::vector<uint64_t> seeds = study.seeds(study.quick() ? 1 : 3);
  const std::vector<Run> runs = train_side_by_side(study, tables, methods, seeds, options);
  const std::string where = fmt::format(
      "{}, {} episodes", real ? "FBNet's space" : "Synthetic devices", options.episodes);
  system::Table table = methods_table(where + ": rank correlation on unseen devices", tables, runs);
  const double macs = macs_mean(tables, table), from_scratch = scratch_mean(study, tables, table);
  if (!study.quick()) judge_fbnet(study, scores_of(runs), from_scratch, macs);
  study.picture(curves(where, runs));
  study.table(std::move(table));
  study.table(curve_table(where + ": mean rank correlation, the whole way", runs));
}

void compare_nasbench(Study& study) {
  if (!tables_present(study.places().data, SpaceName::nasbench201)) {
    study.not_shown("trained-nasbench", no_tables);
    study.not_shown("over-graph-regressor", no_tables);
    return;
  }
  const Tables tables = read_tables(study.places().data, SpaceName::nasbench201);
  const MetaOptions options;
  const std::vector<Run> runs =
      train_side_by_side(study, tables, {find_method("help")}, {study.seed()}, options);
  const std::string where = fmt::format("NAS-Bench-201, {} episodes", options.episodes);
  system::Table table = methods_table(where + ": rank correlation on unseen devices", tables, runs);
  macs_mean(tables, table);
  const double regressor = regressor_mean(tables, table);
  const Scores scores = scores_of(runs);
  study.evidence("trained-nasbench", scores.mean("last", "help"));
  study.evidence("over-graph-regressor", above(scores, "help", regressor));
  study.picture(curves(where, runs));
  study.table(std::move(table));
}

}  // namespace betimes::systems::help

namespace betimes::system {

void help_reproduce(Study& study) {
  using namespace systems::help;
  torch::set_num_threads(1);
  check_published(study);
  compare_fbnet(study);
  if (!study.quick()) compare_nasbench(study);
  study.note(
      "FBNet: 5000 networks on 24 devices; the first 4000 are learned from, the next 1000 scored, "
      "both without the fastest and the slowest tenth. NAS-Bench-201: 900 and 1000 of 15,625.");
  study.note(
      "The order of a NAS-Bench-201 node's kinds isn't in the data: it was found as the one under "
      "which the published weights rank unseen devices as published.");
  study.note(
      "The best checkpoint is the one with the highest rank correlation on four validation "
      "devices, three of them GPUs.");
  study.note(
      "The graph regressor stands in for BRP-NAS: HELP's graph predictor without the embedding, "
      "trained by Adam on the device's whole trimmed pool.");
  study.note(
      "Predictions beyond the ten measured latencies are guesses; the table says how many there "
      "are. Search savings in GPU days, and a kind of device that the sources lack, can't be shown "
      "here.");
}

}  // namespace betimes::system

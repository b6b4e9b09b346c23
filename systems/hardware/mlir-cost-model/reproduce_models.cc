#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "systems/hardware/mlir-cost-model/baselines.h"
#include "systems/hardware/mlir-cost-model/reproduce_parts.h"
#include "systems/hardware/mlir-cost-model/split.h"
#include "systems/hardware/mlir-cost-model/train_sentences.h"

namespace betimes::systems::mlir_cost_model {
namespace {

using system::Estimate;
using system::Scores;

std::string rmse(size_t target) { return fmt::format("rmse {}", targets()[target].name); }
std::string range(size_t target) {
  return fmt::format("{}, RMSE % of range", targets()[target].name);
}
std::string share(size_t target) {
  return fmt::format("{}, RMSE % of mean", targets()[target].name);
}

/// All figures of one variant's predictions of the test graphs.
std::map<std::string, double> figures(const DataSet& data, const std::vector<size_t>& graphs,
                                      const std::vector<Values>& predicted) {
  std::map<std::string, double> found;
  for (size_t target = 0; target < target_count; ++target) {
    std::vector<double> values, truth;
    size_t at = 0;
    for (const size_t i : graphs) {
      for (const Variant& variant : data.graphs[i].variants) {
        values.push_back(predicted[at++][target]);
        truth.push_back(scaled(variant.labels)[target]);
      }
    }
    const Errors errors = errors_of(values, truth);
    found[rmse(target)] = errors.rmse;
    found[range(target)] = errors.percent_of_range;
    found[share(target)] = errors.percent_of_mean;
    if (target != registers_target) continue;
    found["registers, MAE"] = errors.mae;
    found["registers, exact %"] = 100 * errors.exact;
  }
  std::vector<std::vector<double>> costs, guesses;
  size_t at = 0;
  for (const size_t i : graphs) {
    costs.emplace_back();
    guesses.emplace_back();
    for (const Variant& variant : data.graphs[i].variants) {
      costs.back().push_back(variant.labels.run_cycles);
      guesses.back().push_back(predicted[at++][cycles_target]);
    }
  }
  const Choices choices = score_choices(guesses, costs);
  found["rank correlation within a graph"] = choices.spearman;
  found["regret %, geometric"] = 100 * choices.regret;
  found["regret %, mean"] = 100 * choices.mean_regret;
  found["best chosen %"] = 100 * choices.best;
  return found;
}

std::map<std::string, double> run_baseline(const DataSet& data, const std::string& name,
                                           uint64_t seed) {
  const Split split = split_graphs(data, seed);
  const CountModel model = learn_baseline(name, data, split.training, seed);
  std::vector<Values> predicted;
  for (const size_t i : split.test) {
    const Graph& graph = data.graphs[i];
    for (const Variant& variant : graph.variants) {
      predicted.push_back(model(graph.function, variant.schedule));
    }
  }
  return figures(data, split.test, predicted);
}

std::map<std::string, double> run_reader(const system::Study& study, const DataSet& data,
                                         const Pair& pair, uint64_t seed, double begin,
                                         double end) {
  const Split split = split_graphs(data, seed);
  SentenceTraining how;
  how.seed = seed;
  how.epochs = study.quick() ? 2 : 25;
  Learned learned =
      learn_sentences(data, split, pair.reader, pair.tokens, how, [&](const learn::Epoch& epoch) {
        study.progress(begin + (end - begin) * epoch.number / epoch.epochs,
                       fmt::format("{}: {}", pair.label(), to_string(epoch)));
      });
  const Sentences test =
      make_sentences(data, split.test, pair.tokens, learned.vocabulary, learned.length);
  std::map<std::string, double> found = figures(data, split.test, predict(learned.model, test));
  const auto tokens = static_cast<double>(test.tokens),
             sentences = static_cast<double>(test.size());
  found["vocabulary"] = static_cast<double>(learned.vocabulary.size());
  found["tokens a sentence"] = tokens / sentences;
  found["unknown %"] = 100 * static_cast<double>(test.unknown) / tokens;
  found["cut %"] = 100 * static_cast<double>(test.truncated) / sentences;
  found["seconds to train"] = learned.trained.seconds;
  return found;
}

std::vector<Pair> pairs(const system::Study& study) {
  if (study.quick()) return {{Reader::bag, Tokens::ops}, {Reader::conv, Tokens::ops}};
  return {{Reader::bag, Tokens::ops},     {Reader::bag, Tokens::operands},
          {Reader::lstm, Tokens::ops},    {Reader::transformer, Tokens::ops},
          {Reader::conv, Tokens::ops},    {Reader::conv, Tokens::operands},
          {Reader::conv, Tokens::buckets}};
}

/// A table of some of the metrics, of the variants that have them.
void add_table(system::Study& study, const Scores& all, const std::string& title,
               const std::vector<std::string>& variants, const std::vector<std::string>& metrics) {
  Scores chosen;
  for (const std::string& metric : metrics) {
    for (const std::string& variant : variants) {
      for (const double value : all.of(metric, variant)) chosen.add(metric, variant, value);
    }
  }
  study.table(chosen.table(title));
}

const std::string ops = Pair{Reader::conv, Tokens::ops}.label();
const std::string operands = Pair{Reader::conv, Tokens::operands}.label();
const std::string buckets = Pair{Reader::conv, Tokens::buckets}.label();

/// Of the paper's two tokenisers, the one with which the mean of the metric is smaller.
std::string better(const Scores& scores, const std::string& metric) {
  return scores.mean(metric, ops).value <= scores.mean(metric, operands).value ? ops : operands;
}

/// The smallest over targets of a rival's RMSE over the convolutions'.
template <class Rival>
Estimate least_ratio(const Scores& scores, const Rival& rival) {
  Estimate least;
  for (size_t target = 0; target < target_count; ++target) {
    const std::string own = better(scores, rmse(target));
    Estimate found = scores.ratio(rmse(target), rival(own), own);
    found.note = fmt::format("{}; {}", targets()[target].name, own);
    if (target == 0 || found.value < least.value) least = found;
  }
  return least;
}

Estimate named(Estimate found, const std::string& variant) {
  found.note = variant;
  return found;
}

void judge(system::Study& study, const Scores& scores) {
  for (const auto& [id, target] : {std::pair("registers-error", registers_target),
                                   std::pair("utilisation-error", utilisation_target)}) {
    const std::string own = better(scores, range(target));
    study.evidence(id, named(scores.mean(range(target), own), own));
  }
  const auto always = [](const char* rival) {
    return [rival](const std::string&) { return std::string(rival); };
  };
  study.evidence("over-linear", least_ratio(scores, always("linear")));
  study.evidence("over-trees", least_ratio(scores, always("trees")));
  study.evidence("over-bag", least_ratio(scores, [](const std::string& own) {
                   return Pair{Reader::bag, own == ops ? Tokens::ops : Tokens::operands}.label();
                 }));
  study.evidence("operands-carry-pressure", scores.ratio(rmse(registers_target), ops, operands));
  Scores together;  // the four targets' geometric mean, seed by seed
  for (const std::string& variant : {operands, buckets}) {
    for (size_t i = 0; i < scores.of(rmse(0), variant).size(); ++i) {
      double logs = 0;
      for (size_t target = 0; target < target_count; ++target) {
        logs += std::log(scores.of(rmse(target), variant)[i]) / target_count;
      }
      together.add("rmse", variant, std::exp(logs));
    }
  }
  study.evidence("buckets-help", together.ratio("rmse", operands, buckets));
  const std::string regret = "regret %, geometric", own = better(scores, regret);
  study.evidence("regret", named(scores.mean(regret, own), own));
  study.evidence("over-schedule", scores.difference(regret, "schedule", own));
}

/// Error over tokenisers and readers, one series a target.
system::Picture picture(const Scores& scores, const std::vector<std::string>& variants) {
  system::Picture found{"RMSE on unseen graphs over that of the training set's mean",
                        "baselines, then readers, in the table's order",
                        "share",
                        false,
                        false,
                        {}};
  for (size_t target = 0; target < target_count; ++target) {
    system::Series series{targets()[target].name, {}, {}, {}, {}, false};
    for (size_t i = 0; i < variants.size(); ++i) {
      series.x.push_back(static_cast<double>(i + 1));
      series.y.push_back(scores.ratio(rmse(target), variants[i], "constant").value);
    }
    found.series.push_back(std::move(series));
  }
  return found;
}

}  // namespace

void compare_models(system::Study& study, const Material& material) {
  std::vector<system::Variant> variants;
  std::vector<std::string> names, readers;
  for (const std::string& name : baseline_names()) {
    variants.push_back(
        {name, [&, name](uint64_t seed) { return run_baseline(material.data, name, seed); }});
    names.push_back(name);
  }
  const std::vector<Pair> all = pairs(study);
  const std::vector<uint64_t> seeds = study.seeds(study.quick() ? 1 : 2);
  const double step = 0.5 / static_cast<double>(all.size() * seeds.size());
  double begin = 0.4;
  for (const Pair& pair : all) {
    variants.push_back({pair.label(), [&, pair](uint64_t seed) {
                          const double from = begin;
                          begin += step;
                          return run_reader(study, material.data, pair, seed, from, begin);
                        }});
    names.push_back(pair.label());
    readers.push_back(pair.label());
  }
  const Scores scores = study.run(variants, seeds);
  std::vector<std::string> errors;
  for (size_t target = 0; target < target_count; ++target) errors.push_back(range(target));
  for (size_t target = 0; target < target_count; ++target) errors.push_back(share(target));
  errors.insert(errors.end(), {"registers, MAE", "registers, exact %"});
  add_table(study, scores, "Errors on unseen graphs", names, errors);
  add_table(study, scores, "Choosing a graph's schedule by the predicted run cycles", names,
            {"rank correlation within a graph", "regret %, geometric", "regret %, mean",
             "best chosen %"});
  add_table(study, scores, "Sentences", readers,
            {"vocabulary", "tokens a sentence", "unknown %", "cut %", "seconds to train"});
  if (!study.quick()) judge(study, scores);
  study.picture(picture(scores, names));
}

}  // namespace betimes::systems::mlir_cost_model

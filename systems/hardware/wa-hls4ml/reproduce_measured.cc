#include <fmt/format.h>

#include <chrono>

#include "systems/hardware/wa-hls4ml/logistic.h"
#include "systems/hardware/wa-hls4ml/reproduce_parts.h"
#include "systems/hardware/wa-hls4ml/split.h"
#include "systems/recommend/common/ranking.h"

namespace betimes::systems::wa_hls4ml {
namespace {

const char* const claimed[] = {"success-auc", "q75-cycles", "q75-lut", "context", "log1p"};

constexpr double share_of_progress = 0.3;

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<float> labels_of(std::span<const Sample> samples) {
  std::vector<float> found;
  for (const Sample& sample : samples) found.push_back(sample.costs ? 1.0f : 0.0f);
  return found;
}

/// Logistic regression on the networks' logarithms, beside the classifier.
std::vector<float> logistic_scores(std::span<const Sample> training, std::span<const Sample> test) {
  std::vector<double> rows;
  std::vector<bool> happened;
  for (const Sample& sample : training) {
    const auto row = log_row(sample.network);
    rows.insert(rows.end(), row.begin(), row.end());
    happened.push_back(sample.costs.has_value());
  }
  const Logistic logistic(rows, happened, log_width);
  std::vector<float> found;
  for (const Sample& sample : test) {
    found.push_back(static_cast<float>(logistic.probability(log_row(sample.network))));
  }
  return found;
}

struct Fold {
  std::vector<Sample> training, validation, test;  // failures included
};

void judge_success(const Fold& fold, const Sizes& sizes, uint64_t seed, system::Scores& scores) {
  SuccessClassifier classifier(fold.training, seed);
  SurrogateTraining how = SurrogateTraining::of(ModelKind::mlp);
  how.epochs = sizes.fold_epochs;
  how.batch = sizes.fold_batch;
  how.seed = seed;
  classifier.train(fold.training, fold.validation, how);
  const std::vector<float> labels = labels_of(fold.test);
  scores.add("AUC", "classifier", recommend::auc(classifier.predict(fold.test), labels));
  scores.add("AUC", "logistic regression",
             recommend::auc(logistic_scores(fold.training, fold.test), labels));
}

std::vector<Sample> synthesised(const std::vector<Sample>& samples) {
  std::vector<size_t> all(samples.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  return choose(samples, all, true);
}

void give_evidence(system::Study& study, const system::Scores& scores) {
  const auto noted = [](system::Estimate found) {
    found.note = "measured single layers; interval over folds";
    return found;
  };
  study.evidence("success-auc", noted(scores.mean("AUC", "classifier")));
  study.evidence("q75-cycles", noted(scores.mean("cycles |error| q75", "gatv2")));
  study.evidence("q75-lut", noted(scores.mean("LUT |error| q75", "gatv2")));
  study.evidence("context", noted(scores.ratio("error", blind_transformer, "transformer")));
  study.evidence("log1p", noted(scores.ratio("error", shifted_gatv2, "gatv2")));
}

system::Table median_table(const std::vector<Contender>& all, const system::Scores& scores,
                           const std::vector<double>& seconds) {
  system::Table table{
      "Measured single layers, folds: mean over folds of the median SMAPE (%), joint error (%), "
      "seconds to fit a fold",
      {"method"},
      {}};
  for (const Target target : all_targets) table.columns.emplace_back(name(target));
  table.columns.insert(table.columns.end(), {"joint", "seconds"});
  for (size_t i = 0; i < all.size(); ++i) {
    std::vector<system::Cell> row = {all[i].name};
    for (const Target target : all_targets) {
      row.emplace_back(scores.mean(name(target), all[i].name).value);
    }
    row.emplace_back(scores.mean("error", all[i].name).value);
    row.emplace_back(seconds[i]);
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

void compare_measured(system::Study& study, const Data& data) {
  if (!data.real()) {
    for (const char* id : claimed) {
      if (!study.quick()) {
        study.not_shown(id, "the tables aren't here: --data names the folder that has wa-hls4ml/");
      }
    }
    return;
  }
  const Sizes sizes = sizes_of(study);
  const std::vector<Split> folds = fold_samples(data.measured, sizes.folds, 0.15, study.seed());
  double progress = 0;
  const Lengths lengths{sizes.fold_epochs, sizes.fold_batch, sizes.trees,
                        [&](const std::string& what) { study.progress(progress, what); }};
  std::vector<Contender> all = contenders(lengths);
  for (const Contender& each : variants(lengths)) all.push_back(each);
  system::Scores scores;
  std::vector<double> seconds(all.size());
  std::vector<Predicted> predicted(all.size());
  for (size_t f = 0; f < folds.size(); ++f) {
    const Fold fold{choose(data.measured, folds[f].training, false),
                    choose(data.measured, folds[f].validation, false),
                    choose(data.measured, folds[f].test, false)};
    const uint64_t seed = study.seed() + f;
    judge_success(fold, sizes, seed, scores);
    const std::vector<Sample> test = synthesised(fold.test);
    for (size_t i = 0; i < all.size(); ++i) {
      progress = share_of_progress * static_cast<double>(f * all.size() + i) /
                 static_cast<double>(folds.size() * all.size());
      study.progress(progress, fmt::format("measured layers, fold {}, {}", f + 1, all[i].name));
      const double begun = seconds_now();
      const auto estimator = all[i].fit(fold.training, fold.validation, seed);
      seconds[i] += (seconds_now() - begun) / static_cast<double>(folds.size());
      Predicted own;
      own.add(*estimator, test);
      add_scores(all[i].name, own.scores(), scores);
      predicted[i].add(*estimator, test);
    }
  }
  if (!study.quick()) give_evidence(study, scores);
  study.table(median_table(all, scores, seconds));
  std::vector<std::pair<std::string, Scores>> detailed;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].name == "trees" || all[i].name == "gatv2" || all[i].name == "transformer") {
      detailed.emplace_back(all[i].name, predicted[i].scores());
    }
  }
  study.table(measures_table("Measured single layers, all folds: every measure", detailed));
  system::Table success{
      "Who synthesises? Area under the ROC curve, mean over folds", {"method", "AUC"}, {}};
  for (const char* method : {"classifier", "logistic regression"}) {
    success.rows.push_back({method, scores.mean("AUC", method).value});
  }
  study.table(std::move(success));
}

}  // namespace betimes::systems::wa_hls4ml

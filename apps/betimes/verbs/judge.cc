#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "apps/betimes/options.h"
#include "apps/betimes/systems.h"
#include "apps/betimes/verb.h"
#include "betimes/base/error.h"
#include "betimes/import/series.h"
#include "betimes/judge/rhythm.h"
#include "betimes/report/judged.h"
#include "betimes/report/progress.h"

namespace betimes::cli {
namespace {

struct JudgeArguments {
  std::string series, labels;
  std::vector<std::string> scores, columns, metrics, detectors;
  std::string early = "100";
  std::string late = "100";
  std::optional<double> threshold;
  uint64_t seed = 1;
  bool json = false;
};

using Metrics = std::vector<std::unique_ptr<judge::SeriesMetric>>;
using Detectors = std::vector<std::unique_ptr<judge::Detector>>;

/// The metrics and detectors that the program's systems bring come first.
Metrics all_metrics() {
  Metrics all;
  for (const system::System& system : systems()) {
    if (!system.series_metrics) continue;
    for (auto& metric : system.series_metrics()) all.push_back(std::move(metric));
  }
  for (auto& metric : judge::series_metrics()) all.push_back(std::move(metric));
  return all;
}

Detectors all_detectors() {
  Detectors all;
  for (const system::System& system : systems()) {
    if (!system.detectors) continue;
    for (auto& detector : system.detectors()) all.push_back(std::move(detector));
  }
  return all;
}

/// Those called by these names, in that order; "all" is every one.
template <class T>
std::vector<std::unique_ptr<T>> choose(std::vector<std::unique_ptr<T>> all,
                                       const std::vector<std::string>& names,
                                       const std::string& option) {
  if (std::ranges::find(names, "all") != names.end()) return all;
  std::vector<std::unique_ptr<T>> chosen;
  for (const std::string& name : names) {
    const auto at = std::ranges::find_if(
        all, [&](const auto& one) { return one != nullptr && one->name() == name; });
    if (at == all.end()) {
      std::string known = "all";
      for (const auto& one : all) {
        if (one) known += ", " + one->name();
      }
      throw Error(option, "'" + name + "' is none, or named twice", known);
    }
    chosen.push_back(std::move(*at));
  }
  return chosen;
}

/// A column by its name, or its number from 1.
size_t find_column(const import::SeriesTable& table, const std::string& name) {
  if (const auto column = table.find(name)) return *column;
  size_t number = 0;
  const auto [stop, status] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool is_number = status == std::errc() && stop == name.data() + name.size();
  if (is_number && number >= 1 && number <= table.columns.size()) return number - 1;
  std::string known;
  for (const std::string& column : table.names) known += (known.empty() ? "" : ", ") + column;
  throw Error(table.where, "has no column '" + name + "'", known);
}

/// Every column but those of labels.
std::vector<size_t> value_columns(const import::SeriesTable& table) {
  std::vector<size_t> found;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (i != import::find_labels(table)) found.push_back(i);
  }
  return found;
}

/// What is judged: the series where one was given, labels, and scores from files.
struct Input {
  judge::Series series;
  std::vector<report::JudgedDetector> detectors;
  std::vector<std::vector<double>> scores;  // of these detectors
};

judge::Series make_series(const import::SeriesTable& table, const JudgeArguments& arguments) {
  judge::Series series;
  series.name = arguments.series;
  std::vector<size_t> columns;
  for (const std::string& name : arguments.columns) columns.push_back(find_column(table, name));
  if (columns.empty()) columns = value_columns(table);
  for (const size_t column : columns)
    series.columns.push_back(import::finite_column(table, column));
  return series;
}

/// One detector a column: called by the file where it has one column, else by its header.
void add_scores(const import::SeriesTable& table, Input& input) {
  const std::vector<size_t> columns = value_columns(table);
  if (columns.empty()) throw Error(table.where, "has no column of scores");
  const std::string stem = std::filesystem::path(table.where).stem().string();
  for (const size_t column : columns) {
    std::string name = columns.size() == 1 ? stem : table.names[column];
    if (columns.size() > 1 && !table.header) name = stem + "/" + name;
    for (const auto& other : input.detectors) {
      if (other.name == name)
        throw Error(table.where, "has scores of '" + name + "' a second time");
    }
    input.detectors.push_back({std::move(name), table.where, {}});
    input.scores.push_back(import::finite_column(table, column));
  }
}

/// `first`: the series or, without one, the first file of scores, which says how many points there
/// are and at what times.
std::vector<uint8_t> read_labels(const JudgeArguments& arguments,
                                 const import::SeriesTable* first) {
  if (arguments.labels.empty()) {
    if (!first || !import::find_labels(*first)) {
      throw Error("--labels", "is missing, and no column is called label or anomaly",
                  "a file of 0 and 1 for each point, or of start,end for each interval");
    }
    return import::labels_from(*first, first->rows(), first->times);
  }
  const import::SeriesTable table = import::read_series(arguments.labels);
  if (first) return import::labels_from(table, first->rows(), first->times);
  throw Error("judge", "has nothing to judge", "a series, or --scores");
}

Input read_input(const JudgeArguments& arguments) {
  Input input;
  std::optional<import::SeriesTable> first;
  if (!arguments.series.empty()) {
    first = import::read_series(arguments.series);
    if (!value_columns(*first).empty()) input.series = make_series(*first, arguments);
  } else if (!arguments.columns.empty()) {
    throw Error("--column", "is of a series, and none was given");
  }
  for (const std::string& path : arguments.scores) {
    import::SeriesTable table = import::read_series(path);
    add_scores(table, input);
    if (!first) first = std::move(table);
  }
  input.series.labels = read_labels(arguments, first ? &*first : nullptr);
  for (size_t i = 0; i < input.scores.size(); ++i) {
    const size_t points = input.series.labels.size();
    if (input.scores[i].size() == points) continue;
    throw Error(input.detectors[i].source,
                "has " + std::to_string(input.scores[i].size()) + " scores",
                std::to_string(points) + ", one for each point");
  }
  if (std::ranges::count(input.series.labels, uint8_t{1}) == 0) {
    throw Error(arguments.labels.empty() ? first->where : arguments.labels,
                "labels nothing anomalous, so that no detector can be right", "an anomaly");
  }
  return input;
}

int64_t parse_buffer(const std::string& option, const std::string& text,
                     const judge::Series& series) {
  if (text == "auto") {
    if (series.columns.empty()) throw Error(option, "auto needs the series", "a number of points");
    return judge::rhythm(series.columns[0]);
  }
  int64_t value = 0;
  const auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || stop != text.data() + text.size() || value < 0 ||
      value > 1'000'000) {
    throw Error(option, "'" + text + "' is no number of points", "0 to 1000000, or auto");
  }
  return value;
}

void run_detectors(const JudgeArguments& arguments, Input& input) {
  const bool standard = arguments.scores.empty() && arguments.detectors.empty();
  const Detectors detectors =
      choose(all_detectors(), standard ? std::vector<std::string>{"all"} : arguments.detectors,
             "--detector");
  if (detectors.empty()) return;
  if (input.series.columns.empty()) {
    throw Error("--detector", "needs the series", "a series, or --scores alone");
  }
  report::Progress progress("judge");
  double done = 0;
  for (const auto& detector : detectors) {
    progress.update(done++ / static_cast<double>(detectors.size()));
    input.detectors.push_back({detector->name(), "", {}});
    input.scores.push_back(detector->scores(input.series, arguments.seed));
  }
}

/// A metric that isn't defined for these labels is an error only where it was asked for by name.
std::optional<double> score(const judge::SeriesMetric& metric, const judge::Series& series,
                            const std::vector<double>& scores, const judge::SeriesOptions& options,
                            bool by_name) {
  try {
    return metric.score(series.labels, scores, options);
  } catch (const Error&) {
    if (by_name) throw;
    return std::nullopt;
  }
}

int run_judge(JudgeArguments& arguments) {
  if (arguments.metrics.empty()) {
    arguments.metrics.push_back(arguments.threshold ? "pate-f1" : "pate");
  }
  const Metrics metrics = choose(all_metrics(), arguments.metrics, "--metric");
  Input input = read_input(arguments);
  const judge::SeriesOptions options{parse_buffer("--early", arguments.early, input.series),
                                     parse_buffer("--late", arguments.late, input.series)};
  run_detectors(arguments, input);
  if (input.detectors.empty()) throw Error("judge", "has no detector to judge", "--scores");

  const auto intervals = judge::stretches(input.series.labels);
  report::Judged judged;
  judged.series = arguments.series.empty() ? arguments.scores[0] : arguments.series;
  judged.points = static_cast<int64_t>(input.series.labels.size());
  judged.intervals = static_cast<int64_t>(intervals.size());
  for (const judge::Stretch& interval : intervals) judged.anomalous_points += interval.length();
  judged.early = options.early;
  judged.late = options.late;
  judged.threshold = arguments.threshold;
  judged.seed = arguments.seed;
  for (const auto& metric : metrics) judged.metrics.push_back({metric->name(), metric->summary()});
  const bool by_name = std::ranges::find(arguments.metrics, "all") == arguments.metrics.end();
  for (size_t i = 0; i < input.detectors.size(); ++i) {
    if (arguments.threshold) {
      for (double& value : input.scores[i]) value = value >= *arguments.threshold ? 1 : 0;
    }
    for (const auto& metric : metrics) {
      input.detectors[i].scores.push_back(
          score(*metric, input.series, input.scores[i], options, by_name));
    }
  }
  judged.detectors = std::move(input.detectors);
  report::rank(judged.detectors);
  if (judged.anomalous_points == judged.points) {
    std::fputs("betimes: every point is labelled anomalous, so that no alarm can be false\n",
               stderr);
  }
  const std::string text =
      arguments.json ? report::render_json(judged) : report::render_text(judged, terminal_width());
  std::fputs(text.c_str(), stdout);
  return 0;
}

std::function<int()> declare_judge(CLI::App& command) {
  auto arguments = std::make_shared<JudgeArguments>();
  JudgeArguments& a = *arguments;
  command.add_option("series", a.series,
                     "CSV of values over time, plain or gzip; may hold a column label");
  command.add_option("--labels", a.labels,
                     "CSV with 0 or 1 for each point, or start,end for each anomalous interval");
  command
      .add_option(
          "--scores", a.scores,
          "CSV with a detector's scores, higher is more anomalous; one column a detector; may "
          "repeat")
      ->allow_extra_args(false);
  command.add_option("--metric", a.metrics, "a metric, or all; may repeat, the first ranks")
      ->allow_extra_args(false);
  command
      .add_option("--detector", a.detectors,
                  "a built-in detector, or all, which is the default without --scores; may repeat")
      ->allow_extra_args(false);
  command.add_option("--column", a.columns, "the series' column by name or number; may repeat")
      ->allow_extra_args(false);
  command.add_option("--early", a.early,
                     "points before an interval where alarms still count, or auto: its period");
  command.add_option("--late", a.late, "points after an interval, or auto");
  command.add_option("--threshold", a.threshold,
                     "judge the alarms that scores from here on are, not the ranking");
  command.add_option("--seed", a.seed, "of detectors that are random");
  command.add_flag("--json", a.json, "print one JSON object");
  return [arguments] { return run_judge(*arguments); };
}

}  // namespace

Verb judge_verb() {
  return {"judge", "Scores detectors of anomalies in time series, with credit for being on time",
          "betimes judge series.csv --labels series-labels.csv --metric pate", declare_judge};
}

}  // namespace betimes::cli

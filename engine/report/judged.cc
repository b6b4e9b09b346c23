#include "betimes/report/judged.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "betimes/report/detail/text.h"

namespace betimes::report {
namespace {

using Json = nlohmann::ordered_json;
constexpr int least_column = 8;
constexpr int widest_name = 40;

Json detector_json(const Judged& judged, size_t at) {
  const JudgedDetector& detector = judged.detectors[at];
  Json scores = Json::object();
  for (size_t i = 0; i < judged.metrics.size(); ++i) {
    scores[judged.metrics[i].name] = detector.scores[i] ? Json(*detector.scores[i]) : Json();
  }
  return {{"rank", at + 1},
          {"name", detector.name},
          {"source", detector.source.empty() ? Json() : Json(detector.source)},
          {"scores", std::move(scores)}};
}

std::string header(const Judged& judged) {
  const double share =
      100.0 * static_cast<double>(judged.anomalous_points) / static_cast<double>(judged.points);
  std::string text = fmt::format(
      "\n{}: {} points, {} interval{} of {} anomalous points in all ({} %)\n",
      detail::printable(judged.series), judged.points, judged.intervals,
      judged.intervals == 1 ? "" : "s", judged.anomalous_points, detail::format_short(share, 2));
  text += fmt::format("alarms count from {} points before an interval to {} points after it\n",
                      judged.early, judged.late);
  if (judged.threshold) {
    text += fmt::format("an alarm is a score of {} or more\n",
                        detail::format_short(*judged.threshold, 6));
  }
  return text;
}

int column_width(const JudgedMetric& metric) {
  return std::max(least_column, detail::columns(metric.name)) + 2;
}

/// Metrics first..end-1 for every detector.
std::string table(const Judged& judged, int name_width, size_t first, size_t end) {
  std::string text = "\n  " + detail::padded("detector", name_width);
  for (size_t i = first; i < end; ++i) {
    text += fmt::format("{:>{}}", judged.metrics[i].name, column_width(judged.metrics[i]));
  }
  text += "\n";
  for (const JudgedDetector& detector : judged.detectors) {
    const std::string name = detail::printable(detector.name);
    text += "  " + detail::padded(detail::shorten(name, name_width), name_width);
    for (size_t i = first; i < end; ++i) {
      const std::string score =
          detector.scores[i] ? fmt::format("{:.4f}", *detector.scores[i]) : std::string("-");
      text += fmt::format("{:>{}}", score, column_width(judged.metrics[i]));
    }
    text += "\n";
  }
  return text;
}

}  // namespace

void rank(std::vector<JudgedDetector>& detectors) {
  std::ranges::stable_sort(detectors, [](const JudgedDetector& a, const JudgedDetector& b) {
    return a.scores.at(0).value_or(-1) > b.scores.at(0).value_or(-1);
  });
}

std::string render_json(const Judged& judged) {
  Json metrics = Json::array();
  for (const JudgedMetric& metric : judged.metrics) {
    metrics.push_back({{"name", metric.name}, {"summary", metric.summary}});
  }
  Json detectors = Json::array();
  for (size_t i = 0; i < judged.detectors.size(); ++i) {
    detectors.push_back(detector_json(judged, i));
  }
  const Json object = {{"series", judged.series},
                       {"points", judged.points},
                       {"intervals", judged.intervals},
                       {"anomalous_points", judged.anomalous_points},
                       {"early", judged.early},
                       {"late", judged.late},
                       {"threshold", judged.threshold ? Json(*judged.threshold) : Json()},
                       {"seed", judged.seed},
                       {"metrics", std::move(metrics)},
                       {"detectors", std::move(detectors)}};
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string render_text(const Judged& judged, int width) {
  int name_width = detail::columns("detector");
  for (const JudgedDetector& detector : judged.detectors) {
    name_width = std::max(name_width, detail::columns(detail::printable(detector.name)));
  }
  name_width = std::min(name_width, widest_name);
  std::string text = header(judged);
  for (size_t first = 0; first < judged.metrics.size();) {
    int used = 2 + name_width + column_width(judged.metrics[first]);
    size_t end = first + 1;
    while (end < judged.metrics.size() && used + column_width(judged.metrics[end]) <= width) {
      used += column_width(judged.metrics[end++]);
    }
    text += table(judged, name_width, first, end);
    first = end;
  }
  text += "\n";
  for (const JudgedMetric& metric : judged.metrics) {
    const std::string line = metric.name + ": " + metric.summary;
    for (const std::string& part : detail::wrap(line, width - 2)) text += "  " + part + "\n";
  }
  return text + "\n";
}

}  // namespace betimes::report

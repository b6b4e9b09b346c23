#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/judge/series/metrics.h"
#include "betimes/judge/series/ranking.h"

namespace betimes::judge {
namespace {

double count(std::span<const uint8_t> labels) {
  return static_cast<double>(std::ranges::count(labels, uint8_t{1}));
}

/// Calls step(k, true positives, alarms) for each threshold, from the highest score down.
template <class Step>
void walk(std::span<const uint8_t> labels, const Ranking& ranking, Step step) {
  double hits = 0;
  for (size_t k = 0; k < ranking.ends.size(); ++k) {
    for (const uint32_t at : ranking.added(k)) hits += labels[at];
    step(k, hits, static_cast<double>(ranking.ends[k]));
  }
}

}  // namespace

std::string PointF1::summary() const { return "alarms at the very points that are anomalous"; }

double PointF1::score(std::span<const uint8_t> labels, std::span<const double> scores,
                      const SeriesOptions&) const {
  check_series(labels, scores);
  const Ranking ranking = rank(scores);
  const double positives = count(labels);
  double best = 0;
  walk(labels, ranking, [&](size_t k, double hits, double alarms) {
    if (k < ranking.detections()) best = std::max(best, 2 * hits / (alarms + positives));
  });
  return best;
}

std::string PointAdjustedF1::summary() const {
  return "one alarm anywhere in an interval counts as the whole of it";
}

double PointAdjustedF1::score(std::span<const uint8_t> labels, std::span<const double> scores,
                              const SeriesOptions&) const {
  check_series(labels, scores);
  const Ranking ranking = rank(scores);
  const std::vector<Stretch> intervals = stretches(labels);
  std::vector<uint32_t> interval_of(labels.size());
  for (size_t k = 0; k < intervals.size(); ++k) {
    std::fill_n(interval_of.begin() + intervals[k].first, intervals[k].length(),
                static_cast<uint32_t>(k));
  }
  std::vector<bool> found(intervals.size());
  const double positives = count(labels);
  double hits = 0;
  double false_alarms = 0;
  double best = 0;
  for (size_t k = 0; k < ranking.detections(); ++k) {
    for (const uint32_t at : ranking.added(k)) {
      if (labels[at] == 0) {
        ++false_alarms;
      } else if (!found[interval_of[at]]) {
        found[interval_of[at]] = true;
        hits += static_cast<double>(intervals[interval_of[at]].length());
      }
    }
    best = std::max(best, 2 * hits / (hits + false_alarms + positives));
  }
  return best;
}

std::string RocAuc::summary() const {
  return "anomalous points rank above normal ones: the chance that one of a pair does";
}

double RocAuc::score(std::span<const uint8_t> labels, std::span<const double> scores,
                     const SeriesOptions&) const {
  check_series(labels, scores);
  const double positives = count(labels);
  const double negatives = static_cast<double>(labels.size()) - positives;
  if (negatives == 0) throw Error("labels", "have no normal point", "a 0, for roc-auc");
  double area = 0;
  double hits_before = 0;
  double alarms_before = 0;
  walk(labels, rank(scores), [&](size_t, double hits, double alarms) {
    const double width = (alarms - hits) - (alarms_before - hits_before);
    area += width * (hits + hits_before) / 2;
    hits_before = hits;
    alarms_before = alarms;
  });
  return area / (positives * negatives);
}

std::string PrAuc::summary() const { return "precision over all recalls of points, by trapezoids"; }

double PrAuc::score(std::span<const uint8_t> labels, std::span<const double> scores,
                    const SeriesOptions&) const {
  check_series(labels, scores);
  double area = 0;
  double hits_before = 0;
  double precision_before = 1;
  walk(labels, rank(scores), [&](size_t, double hits, double alarms) {
    const double precision = hits / alarms;
    area += (hits - hits_before) * (precision + precision_before) / 2;
    hits_before = hits;
    precision_before = precision;
  });
  return area / count(labels);
}

std::string AveragePrecision::summary() const {
  return "precision over all recalls of points, by steps";
}

double AveragePrecision::score(std::span<const uint8_t> labels, std::span<const double> scores,
                               const SeriesOptions&) const {
  check_series(labels, scores);
  double area = 0;
  double hits_before = 0;
  walk(labels, rank(scores), [&](size_t, double hits, double alarms) {
    area += (hits - hits_before) * hits / alarms;
    hits_before = hits;
  });
  return area / count(labels);
}

}  // namespace betimes::judge

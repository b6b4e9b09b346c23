#include "systems/series/pate/pate.h"

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "systems/series/pate/missed.h"

namespace betimes::systems::pate {
namespace {

/// Number of scores of each rank's prefix that are at least `threshold`.
size_t alarms_at(const judge::Ranking& ranking, std::span<const double> scores, double threshold) {
  const auto end = std::ranges::partition_point(
      ranking.order, [&](uint32_t point) { return scores[point] >= threshold; });
  return static_cast<size_t>(end - ranking.order.begin());
}

/// The percentile as numpy computes it, so that thresholds fall on the same side of ties as there.
/// `falling`: values, largest first; `share` in [0, 1].
double percentile(std::span<const double> falling, double share) {
  const auto last = static_cast<double>(falling.size() - 1);
  const double at = share * last;
  const double below = std::floor(at);
  const auto rising = [&](double i) { return falling[static_cast<size_t>(last - i)]; };
  const double a = rising(below);
  const double b = rising(std::min(below + 1, last));
  const double t = at - below;
  return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

}  // namespace

void check(const Options& options) {
  if (options.early < 0 || options.late < 0) {
    throw Error("buffers", "are negative", "numbers of points");
  }
  if (options.splits < 1) throw Error("splits", "are fewer than one", "1 or more");
  if (options.thresholds < 0 || options.thresholds == 1) {
    throw Error("thresholds", std::to_string(options.thresholds) + " make no curve",
                "2 or more, or 0 for all");
  }
}

std::vector<int64_t> buffers(int64_t largest, const Options& options) {
  std::vector<int64_t> sizes;
  for (int i = options.zero ? 0 : 1; i <= options.splits; ++i) {
    sizes.push_back(largest * i / options.splits);
  }
  return sizes;
}

double Scorer::Counts::precision() const { return alarms > 0 ? true_positives / alarms : 0; }

double Scorer::Counts::recall() const {
  const double positives = true_positives + false_negatives;
  return positives > 0 ? true_positives / positives : 0;
}

Scorer::Scorer(std::span<const uint8_t> labels, const Options& options)
    : options_(options), labels_(labels.begin(), labels.end()), interval_of_(labels.size()) {
  check(options);
  judge::check_series(labels, std::vector<double>(labels.size()));
  intervals_ = judge::stretches(labels);
  for (size_t k = 0; k < intervals_.size(); ++k) {
    std::fill_n(interval_of_.begin() + intervals_[k].first, intervals_[k].length(),
                static_cast<uint32_t>(k));
  }
  for (const int64_t early : buffers(options.early, options)) {
    for (const int64_t late : buffers(options.late, options)) {
      zones_.push_back(make_zones(intervals_, static_cast<int64_t>(labels.size()), early, late));
    }
  }
}

/// The thresholds as numbers of alarms: the distinct scores, without those on either side of which
/// the number of true positives stays (as sklearn's precision_recall_curve drops them), then
/// percentiles of these if fewer are asked for.
std::vector<size_t> Scorer::stops(const judge::Ranking& ranking,
                                  std::span<const double> scores) const {
  std::vector<double> hits;
  double sum = 0;
  for (size_t k = 0; k < ranking.ends.size(); ++k) {
    for (const uint32_t at : ranking.added(k)) sum += labels_[at];
    hits.push_back(sum);
  }
  std::vector<size_t> kept;
  std::vector<double> thresholds;
  const size_t count = hits.size();
  for (size_t k = 0; k < count; ++k) {
    const bool at_end = k == 0 || k + 1 == count;
    if (at_end || hits[k] != hits[k - 1] || hits[k + 1] != hits[k]) {
      kept.push_back(ranking.ends[k]);
      thresholds.push_back(scores[ranking.order[ranking.ends[k] - 1]]);
    }
  }
  if (options_.thresholds == 0) return kept;
  std::vector<size_t> chosen;
  const double step = -100.0 / static_cast<double>(options_.thresholds - 1);
  for (int64_t i = 0; i < options_.thresholds; ++i) {
    const bool lowest = i + 1 == options_.thresholds;
    const double share = lowest ? 0 : (static_cast<double>(i) * step + 100) / 100;
    const size_t alarms = alarms_at(ranking, scores, percentile(thresholds, share));
    if (chosen.empty() || alarms > chosen.back()) chosen.push_back(alarms);
  }
  return chosen;
}

/// Adds alarms in the order of the ranking. An alarm in the buffer before an interval waits there
/// until one lies inside.
void Scorer::trace_hits(const judge::Ranking& ranking, const Zones& zones,
                        std::vector<Counts>& counts) const {
  std::vector<double> waiting(intervals_.size());
  std::vector<bool> hit(intervals_.size());
  double sum = 0;
  size_t done = 0;
  for (Counts& point : counts) {
    for (; done < static_cast<size_t>(point.alarms); ++done) {
      const uint32_t at = ranking.order[done];
      const uint32_t owner = zones.owner[at];
      if (zones.zone[at] == Zone::before && !hit[owner]) {
        waiting[owner] += zones.weight[at];
        continue;
      }
      sum += zones.weight[at];
      if (zones.zone[at] == Zone::inside && !hit[owner]) {
        hit[owner] = true;
        sum += waiting[owner];
      }
    }
    point.true_positives = sum;
  }
}

std::vector<std::vector<Scorer::Counts>> Scorer::trace(const judge::Ranking& ranking,
                                                       std::span<const size_t> stops) const {
  Missed missed(intervals_, static_cast<int64_t>(labels_.size()));
  std::vector<Counts> counts;
  size_t done = 0;
  for (const size_t stop : stops) {
    for (; done < stop; ++done) {
      const uint32_t at = ranking.order[done];
      if (labels_[at] != 0) missed.hit(interval_of_[at], at);
    }
    counts.push_back({static_cast<double>(stop), 0, missed.weight()});
  }
  std::vector<std::vector<Counts>> traces(zones_.size(), counts);
  for (size_t i = 0; i < zones_.size(); ++i) trace_hits(ranking, zones_[i], traces[i]);
  return traces;
}

double Scorer::area_under(const std::vector<Counts>& curve) {
  double area = 0;
  double recall_before = 0;
  double precision_before = 1;
  for (const Counts& counts : curve) {
    const double recall = counts.recall();
    if (recall < recall_before) continue;
    const double precision = counts.precision();
    area += (recall - recall_before) * (precision + precision_before) / 2;
    recall_before = recall;
    precision_before = precision;
  }
  return area;
}

double Scorer::area(std::span<const double> scores) const {
  judge::check_series(labels_, scores);
  const judge::Ranking ranking = judge::rank(scores);
  double sum = 0;
  for (const auto& curve : trace(ranking, stops(ranking, scores))) sum += area_under(curve);
  return std::clamp(sum / static_cast<double>(zones_.size()), 0.0, 1.0);
}

double Scorer::f1(std::span<const uint8_t> alarms) const {
  const std::vector<double> scores(alarms.begin(), alarms.end());
  judge::check_series(labels_, scores);
  const judge::Ranking ranking = judge::rank(scores);
  const auto raised =
      static_cast<size_t>(std::ranges::count_if(alarms, [](uint8_t x) { return x; }));
  double sum = 0;
  for (const auto& curve : trace(ranking, std::vector<size_t>{raised})) {
    sum += judge::f1(curve[0].precision(), curve[0].recall());
  }
  return sum / static_cast<double>(zones_.size());
}

double Scorer::best_f1(std::span<const double> scores) const {
  judge::check_series(labels_, scores);
  const judge::Ranking ranking = judge::rank(scores);
  const auto ends = std::span(ranking.ends).first(ranking.detections());
  std::vector<double> sums(ends.size());
  for (const auto& curve : trace(ranking, ends)) {
    for (size_t i = 0; i < curve.size(); ++i) {
      sums[i] += judge::f1(curve[i].precision(), curve[i].recall());
    }
  }
  return std::clamp(std::ranges::max(sums) / static_cast<double>(zones_.size()), 0.0, 1.0);
}

}  // namespace betimes::systems::pate

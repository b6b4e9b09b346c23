#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "betimes/judge/series/ranking.h"
#include "betimes/judge/series_metric.h"
#include "systems/series/pate/zones.h"

/// PATE: Proximity-Aware Time series anomaly Evaluation (Ghorbani et al., KDD 2024).
namespace betimes::systems::pate {

struct Options {
  int64_t early = 100;     // largest buffer before an interval, in points
  int64_t late = 100;      // largest buffer after it
  int splits = 1;          // buffers are 0, 1/splits, ..., 1 of the largest, cut to whole points
  bool zero = true;        // whether 0 is among them
  int64_t thresholds = 0;  // evenly spaced percentiles of the distinct scores; 0: all (exact)
};

/// Throws Error for negative buffers, fewer than one split, one threshold.
void check(const Options& options);
/// The buffers that the score is averaged over, of one side.
std::vector<int64_t> buffers(int64_t largest, const Options& options);

/// Scores detectors of one labelled series. What depends on the labels alone is computed once;
/// a detector then costs O(N log N + N per pair of buffers + hits log n), whatever the number of
/// thresholds.
class Scorer {
 public:
  /// Labels 0 or 1; throws Error as judge::check_series() and check() do.
  Scorer(std::span<const uint8_t> labels, const Options& options);

  /// PATE of scores, in [0, 1]: the area under weighted precision over weighted recall, averaged
  /// over buffers. Points of the curve where recall falls below the last one kept are left out:
  /// recall isn't monotone in the threshold, as weights of missed points change.
  double area(std::span<const double> scores) const;
  /// PATE-F1 of a prediction (0 or 1 a point): mean over buffers.
  double f1(std::span<const uint8_t> alarms) const;
  /// PATE-F1 at the threshold where it is best; see judge::SeriesMetric::score().
  double best_f1(std::span<const double> scores) const;

 private:
  struct Counts {
    double alarms = 0, true_positives = 0, false_negatives = 0;
    double precision() const;
    double recall() const;
  };
  /// One list for each pair of buffers: the counts once the first `stops[i]` points of the ranking
  /// are alarms.
  std::vector<std::vector<Counts>> trace(const judge::Ranking& ranking,
                                         std::span<const size_t> stops) const;
  void trace_hits(const judge::Ranking& ranking, const Zones& zones,
                  std::vector<Counts>& counts) const;
  std::vector<size_t> stops(const judge::Ranking& ranking, std::span<const double> scores) const;
  static double area_under(const std::vector<Counts>& curve);

  Options options_;
  std::vector<uint8_t> labels_;
  std::vector<judge::Stretch> intervals_;
  std::vector<uint32_t> interval_of_;
  std::vector<Zones> zones_;  // of each pair of buffers
};

/// "pate" and "pate-f1".
std::vector<std::unique_ptr<judge::SeriesMetric>> metrics();

}  // namespace betimes::systems::pate

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace betimes::judge {

/// How detectors of anomalies in a time series are scored.
struct SeriesOptions {
  int64_t early = 100;  // points before an interval where an alarm still counts
  int64_t late = 100;   // points after it
};

/// Points first..last of a series, both included.
struct Stretch {
  int64_t first = 0;
  int64_t last = 0;
  int64_t length() const { return last - first + 1; }
  bool operator==(const Stretch&) const = default;
};

/// The maximal runs of points that aren't 0.
std::vector<Stretch> stretches(std::span<const uint8_t> labels);

/// Throws Error naming "labels" or "scores" where they are empty, of other lengths, without an
/// anomaly (what is right is undefined then), or hold a label above 1 or a score that isn't finite.
void check_series(std::span<const uint8_t> labels, std::span<const double> scores);

/// Scores a whole series of anomaly scores against its labels.
class SeriesMetric {
 public:
  virtual ~SeriesMetric() = default;
  virtual std::string name() const = 0;
  /// One line for people: what is rewarded.
  virtual std::string summary() const = 0;
  /// In [0, 1], larger is better. `labels` are 0 or 1, `scores` finite, higher is more anomalous,
  /// both of the same length. Throws Error as check_series() does, and where the metric is
  /// undefined for these labels.
  ///
  /// Metrics of a set of alarms (the F1 kind) are of the best threshold, found exactly; the lowest
  /// score is no threshold unless it is the only one, as everything would be an alarm. So a series
  /// of two values is judged as the prediction that it is.
  virtual double score(std::span<const uint8_t> labels, std::span<const double> scores,
                       const SeriesOptions& options) const = 0;
};

/// f1, pa-f1, range-f1, affiliation-f1, roc-auc, pr-auc, average-precision, vus-roc, vus-pr.
std::vector<std::unique_ptr<SeriesMetric>> series_metrics();

}  // namespace betimes::judge

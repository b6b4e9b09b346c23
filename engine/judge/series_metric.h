#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace betimes::judge {

/// How detectors of anomalies in a time series are scored.
struct SeriesOptions {
  int64_t early = 100;  // points before an interval where an alarm still counts
  int64_t late = 100;   // points after it
};

/// Scores a whole series of anomaly scores against its labels.
class SeriesMetric {
 public:
  virtual ~SeriesMetric() = default;
  virtual std::string name() const = 0;
  /// One line for people: what is rewarded.
  virtual std::string summary() const = 0;
  /// In [0, 1], larger is better. `labels` are 0 or 1, `scores` finite, higher is more anomalous,
  /// both of the same length. Throws Error for labels without an anomaly, other lengths, NaN.
  virtual double score(std::span<const uint8_t> labels, std::span<const double> scores,
                       const SeriesOptions& options) const = 0;
};

}  // namespace betimes::judge

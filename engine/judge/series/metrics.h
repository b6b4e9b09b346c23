#pragma once

#include "betimes/judge/series_metric.h"

/// The metrics of series_metrics(). Each takes O(N log N) for N points unless it says otherwise.
namespace betimes::judge {

/// Harmonic mean of precision and recall of points.
class PointF1 : public SeriesMetric {
 public:
  std::string name() const override { return "f1"; }
  std::string summary() const override;
  double score(std::span<const uint8_t> labels, std::span<const double> scores,
               const SeriesOptions& options) const override;
};

/// The same after point adjustment: an alarm anywhere in an interval counts as the whole of it (Xu
/// et al., "Unsupervised anomaly detection via variational auto-encoder ...", WWW 2018). Random
/// scores do well by it (Kim et al., "Towards a rigorous evaluation of time-series anomaly
/// detection", AAAI 2022).
class PointAdjustedF1 : public SeriesMetric {
 public:
  std::string name() const override { return "pa-f1"; }
  std::string summary() const override;
  double score(std::span<const uint8_t> labels, std::span<const double> scores,
               const SeriesOptions& options) const override;
};

struct RangeOptions {
  double recall_existence = 0.2;  // alpha: what touching an interval is worth, of 1
  double precision_existence =
      0;                   // the paper has none; prts, a Python library, gives alpha here too
  bool reciprocal = true;  // gamma: an overlap with n ranges is worth 1/n; else 1
};

/// Range-based F1 (Tatbul et al., "Precision and recall for time series", NeurIPS 2018) with flat
/// positional bias: precision is a mean over predicted ranges, recall over true ones.
class RangeF1 : public SeriesMetric {
 public:
  explicit RangeF1(RangeOptions options = {}) : options_(options) {}
  std::string name() const override { return "range-f1"; }
  std::string summary() const override;
  double score(std::span<const uint8_t> labels, std::span<const double> scores,
               const SeriesOptions& options) const override;

 private:
  RangeOptions options_;
};

/// Affiliation F1 (Huet et al., "Local evaluation of time series anomaly detection algorithms", KDD
/// 2022). Point i is the interval [i, i + 1) of continuous time; each true interval has the zone of
/// what is nearest to it; distances become probabilities against an alarm drawn at random from the
/// zone. Random alarms score about 2/3.
class AffiliationF1 : public SeriesMetric {
 public:
  std::string name() const override { return "affiliation-f1"; }
  std::string summary() const override;
  double score(std::span<const uint8_t> labels, std::span<const double> scores,
               const SeriesOptions& options) const override;
};

/// Area under the ROC curve of points. Throws Error where every point is an anomaly.
class RocAuc : public SeriesMetric {
 public:
  std::string name() const override { return "roc-auc"; }
  std::string summary() const override;
  double score(std::span<const uint8_t> labels, std::span<const double> scores,
               const SeriesOptions& options) const override;
};

/// Area under the precision-recall curve of points by trapezoids, from (recall 0, precision 1).
class PrAuc : public SeriesMetric {
 public:
  std::string name() const override { return "pr-auc"; }
  std::string summary() const override;
  double score(std::span<const uint8_t> labels, std::span<const double> scores,
               const SeriesOptions& options) const override;
};

/// The same area by steps: sum of precision times what recall gains; less optimistic with ties.
class AveragePrecision : public SeriesMetric {
 public:
  std::string name() const override { return "average-precision"; }
  std::string summary() const override;
  double score(std::span<const uint8_t> labels, std::span<const double> scores,
               const SeriesOptions& options) const override;
};

/// Volume under the surface of ROC curves over tolerance windows 0 .. early + late (Paparrizos et
/// al., "Volume under the surface: a new accuracy evaluation measure for time-series anomaly
/// detection", PVLDB 2022). Every distinct score is a threshold (the public code takes 250). Throws
/// Error where every point is an anomaly. O(N log N + N (early + late)).
class VusRoc : public SeriesMetric {
 public:
  std::string name() const override { return "vus-roc"; }
  std::string summary() const override;
  double score(std::span<const uint8_t> labels, std::span<const double> scores,
               const SeriesOptions& options) const override;
};

/// The same of precision-recall curves, each by trapezoids from (recall 0, precision 1) as in the
/// first public code; what is left beyond the highest recall counts nothing.
class VusPr : public SeriesMetric {
 public:
  std::string name() const override { return "vus-pr"; }
  std::string summary() const override;
  double score(std::span<const uint8_t> labels, std::span<const double> scores,
               const SeriesOptions& options) const override;
};

}  // namespace betimes::judge

#include "betimes/judge/series_metric.h"

#include <cmath>
#include <limits>

#include "betimes/base/error.h"
#include "betimes/judge/series/metrics.h"

namespace betimes::judge {

std::vector<Stretch> stretches(std::span<const uint8_t> labels) {
  std::vector<Stretch> found;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == 0) continue;
    const auto at = static_cast<int64_t>(i);
    if (i > 0 && labels[i - 1] != 0) {
      found.back().last = at;
    } else {
      found.push_back({at, at});
    }
  }
  return found;
}

void check_series(std::span<const uint8_t> labels, std::span<const double> scores) {
  if (labels.empty()) throw Error("labels", "are empty", "one for each point of the series");
  if (labels.size() > std::numeric_limits<uint32_t>::max()) {
    throw Error("labels", "are more than 2^32");
  }
  if (labels.size() != scores.size()) {
    throw Error("scores", "are " + std::to_string(scores.size()),
                std::to_string(labels.size()) + ", one for each label");
  }
  bool any = false;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] > 1) {
      throw Error("labels", "point " + std::to_string(i) + " is " + std::to_string(labels[i]),
                  "0 or 1");
    }
    if (!std::isfinite(scores[i])) {
      throw Error("scores", "point " + std::to_string(i) + " isn't finite", "a number");
    }
    any = any || labels[i] == 1;
  }
  if (!any) throw Error("labels", "have no anomaly, so that no score can be right", "a 1");
}

std::vector<std::unique_ptr<SeriesMetric>> series_metrics() {
  std::vector<std::unique_ptr<SeriesMetric>> all;
  all.push_back(std::make_unique<PointF1>());
  all.push_back(std::make_unique<PointAdjustedF1>());
  all.push_back(std::make_unique<RangeF1>());
  all.push_back(std::make_unique<AffiliationF1>());
  all.push_back(std::make_unique<RocAuc>());
  all.push_back(std::make_unique<PrAuc>());
  all.push_back(std::make_unique<AveragePrecision>());
  all.push_back(std::make_unique<VusRoc>());
  all.push_back(std::make_unique<VusPr>());
  return all;
}

}  // namespace betimes::judge

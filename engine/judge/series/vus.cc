#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/judge/series/metrics.h"
#include "betimes/judge/series/ranking.h"

namespace betimes::judge {
namespace {

/// Labels that fall off to both sides of an interval over half a window: what an alarm there is
/// worth. Equation 4 of the paper; where the sides of two intervals meet they add up to 1 at most.
void soften(std::span<const Stretch> intervals, int64_t window, std::vector<double>& worth) {
  const auto points = static_cast<int64_t>(worth.size());
  std::ranges::fill(worth, 0.0);
  for (const Stretch& interval : intervals) {
    for (int64_t i = interval.first; i <= interval.last; ++i) worth[static_cast<size_t>(i)] = 1;
    for (int64_t d = 1; d <= window / 2; ++d) {
      const double side = std::sqrt(1 - static_cast<double>(d) / static_cast<double>(window));
      for (const int64_t at : {interval.first - d, interval.last + d}) {
        if (at < 0 || at >= points) continue;
        double& here = worth[static_cast<size_t>(at)];
        here = std::min(1.0, here + side);
      }
    }
  }
}

struct Areas {
  double roc = 0;
  double pr = 0;
};

/// Curves of one window.
class Window {
 public:
  explicit Window(size_t points) : worth_(points), run_(points) {}

  Areas areas(std::span<const Stretch> intervals, const Ranking& ranking, int64_t window) {
    soften(intervals, window, worth_);
    number_runs();
    double labelled = 0;
    for (const Stretch& interval : intervals) labelled += static_cast<double>(interval.length());
    double total = 0;
    for (const double worth : worth_) total += worth;
    const double positives = (labelled + total) / 2;
    const double negatives = static_cast<double>(worth_.size()) - positives;

    Areas area;
    double hits = 0;
    double found = 0;
    double recall_before = 0;
    double precision_before = 1;
    double fall_out_before = 0;
    for (size_t k = 0; k < ranking.ends.size(); ++k) {
      for (const uint32_t at : ranking.added(k)) {
        hits += worth_[at];
        if (worth_[at] > 0 && !seen_[run_[at]]) {
          seen_[run_[at]] = true;
          ++found;
        }
      }
      const double alarms = static_cast<double>(ranking.ends[k]);
      const double recall =
          std::min(1.0, hits / positives) * found / static_cast<double>(seen_.size());
      const double fall_out = negatives > 0 ? (alarms - hits) / negatives : 0;
      area.roc += (fall_out - fall_out_before) * (recall + recall_before) / 2;
      const double precision = hits / alarms;
      area.pr += (recall - recall_before) * (precision + precision_before) / 2;
      precision_before = precision;
      recall_before = recall;
      fall_out_before = fall_out;
    }
    area.roc += (1 - fall_out_before) * (1 + recall_before) / 2;  // the curve ends in (1, 1)
    return area;
  }

 private:
  void number_runs() {
    size_t runs = 0;
    for (size_t i = 0; i < worth_.size(); ++i) {
      if (worth_[i] > 0 && (i == 0 || worth_[i - 1] == 0)) ++runs;
      run_[i] = runs - 1;  // meaningless where nothing is worth anything
    }
    seen_.assign(runs, false);
  }

  std::vector<double> worth_;
  std::vector<size_t> run_;
  std::vector<bool> seen_;
};

Areas volumes(std::span<const uint8_t> labels, std::span<const double> scores,
              const SeriesOptions& options) {
  check_series(labels, scores);
  if (options.early < 0 || options.late < 0) {
    throw Error("buffers", "are negative", "numbers of points");
  }
  const Ranking ranking = rank(scores);
  const std::vector<Stretch> intervals = stretches(labels);
  Window window(labels.size());
  Areas sum;
  const int64_t widest = options.early + options.late;
  for (int64_t width = 0; width <= widest; ++width) {
    const Areas areas = window.areas(intervals, ranking, width);
    sum.roc += areas.roc;
    sum.pr += areas.pr;
  }
  const double count = static_cast<double>(widest + 1);
  return {std::clamp(sum.roc / count, 0.0, 1.0), std::clamp(sum.pr / count, 0.0, 1.0)};
}

}  // namespace

std::string VusRoc::summary() const {
  return "area under ROC curves, averaged over widths of a tolerance around intervals";
}

double VusRoc::score(std::span<const uint8_t> labels, std::span<const double> scores,
                     const SeriesOptions& options) const {
  if (!labels.empty() && std::ranges::count(labels, uint8_t{0}) == 0) {
    throw Error("labels", "have no normal point", "a 0, for vus-roc");
  }
  return volumes(labels, scores, options).roc;
}

std::string VusPr::summary() const {
  return "area under precision-recall curves, averaged over widths of a tolerance around intervals";
}

double VusPr::score(std::span<const uint8_t> labels, std::span<const double> scores,
                    const SeriesOptions& options) const {
  return volumes(labels, scores, options).pr;
}

}  // namespace betimes::judge

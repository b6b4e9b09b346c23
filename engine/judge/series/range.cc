#include <algorithm>
#include <cmath>

#include "betimes/judge/series/metrics.h"
#include "betimes/judge/series/ranking.h"

namespace betimes::judge {
namespace {

/// The predicted ranges while alarms come one by one, with what precision and recall they give.
/// With flat bias all that a range's worth needs are counts, so that an alarm costs O(1).
class Ranges {
 public:
  Ranges(std::span<const uint8_t> labels, const RangeOptions& options)
      : options_(options),
        truths_(stretches(labels)),
        alarmed_(labels.size()),
        other_end_(labels.size()),
        labelled_before_(labels.size() + 1),
        started_before_(labels.size() + 1),
        overlap_(truths_.size()),
        pieces_(truths_.size()) {
    for (size_t i = 0; i < labels.size(); ++i) {
      const bool starts = labels[i] != 0 && (i == 0 || labels[i - 1] == 0);
      labelled_before_[i + 1] = labelled_before_[i] + (labels[i] != 0);
      started_before_[i + 1] = started_before_[i] + starts;
    }
  }

  void alarm(size_t at) {
    size_t first = at;
    size_t last = at;
    const bool joins_left = at > 0 && alarmed_[at - 1];
    const bool joins_right = at + 1 < alarmed_.size() && alarmed_[at + 1];
    if (joins_left) remove(first = other_end_[at - 1], at - 1);
    if (joins_right) remove(at + 1, last = other_end_[at + 1]);
    other_end_[first] = last;
    other_end_[last] = first;
    precision_sum_ += worth(first, last);
    ++predicted_;
    alarmed_[at] = true;
    if (labelled(at)) hit(at, joins_left && labelled(at - 1), joins_right && labelled(at + 1));
  }

  double precision() const { return predicted_ > 0 ? precision_sum_ / predicted_ : 0; }
  double recall() const { return recall_sum_ / static_cast<double>(truths_.size()); }

 private:
  bool labelled(size_t at) const { return labelled_before_[at + 1] > labelled_before_[at]; }
  double gamma(double ranges) const { return options_.reciprocal && ranges > 1 ? 1 / ranges : 1; }

  void remove(size_t first, size_t last) {
    precision_sum_ -= worth(first, last);
    --predicted_;
  }

  /// Of a predicted range.
  double worth(size_t first, size_t last) const {
    const double overlap = labelled_before_[last + 1] - labelled_before_[first];
    if (overlap == 0) return 0;
    double ranges = started_before_[last + 1] - started_before_[first];
    if (first > 0 && labelled(first) && labelled(first - 1)) ++ranges;  // began before this one
    const double length = static_cast<double>(last - first + 1);
    return options_.precision_existence +
           (1 - options_.precision_existence) * gamma(ranges) * overlap / length;
  }

  /// Of a true range.
  double found(size_t k) const {
    if (overlap_[k] == 0) return 0;
    return options_.recall_existence + (1 - options_.recall_existence) * gamma(pieces_[k]) *
                                           overlap_[k] / static_cast<double>(truths_[k].length());
  }

  void hit(size_t at, bool joins_left, bool joins_right) {
    const size_t k = static_cast<size_t>(started_before_[at + 1]) - 1;
    recall_sum_ -= found(k);
    ++overlap_[k];
    pieces_[k] += 1.0 - joins_left - joins_right;
    recall_sum_ += found(k);
  }

  RangeOptions options_;
  std::vector<Stretch> truths_;
  std::vector<bool> alarmed_;
  std::vector<size_t> other_end_;  // of a predicted range, at its first and its last point
  std::vector<int32_t> labelled_before_,
      started_before_;  // labelled points, intervals begun before
  std::vector<double> overlap_,
      pieces_;  // per true range: alarms in it, predicted ranges they make
  double precision_sum_ = 0, recall_sum_ = 0, predicted_ = 0;
};

}  // namespace

std::string RangeF1::summary() const {
  return "how much of each true interval is covered, and of each predicted one is right";
}

double RangeF1::score(std::span<const uint8_t> labels, std::span<const double> scores,
                      const SeriesOptions&) const {
  check_series(labels, scores);
  const Ranking ranking = rank(scores);
  Ranges ranges(labels, options_);
  double best = 0;
  for (size_t k = 0; k < ranking.detections(); ++k) {
    for (const uint32_t at : ranking.added(k)) ranges.alarm(at);
    best = std::max(best, f1(ranges.precision(), ranges.recall()));
  }
  return std::min(best, 1.0);
}

}  // namespace betimes::judge

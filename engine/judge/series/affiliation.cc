#include <algorithm>
#include <cmath>
#include <limits>

#include "betimes/judge/series/metrics.h"
#include "betimes/judge/series/ranking.h"

namespace betimes::judge {
namespace {

/// Integral of min(d, most) over d in [0, to].
double integral_min(double to, double most) {
  return to <= most ? to * to / 2 : most * most / 2 + most * (to - most);
}

/// Integral of y + min(y, reach - y) over y in [0, to], 0 <= to <= reach.
double integral_both_sides(double to, double reach) {
  return to <= reach / 2 ? to * to : reach * reach / 4 + reach * (to - reach / 2);
}

/// A true interval [begin, end) with the stretch of time [low, high) that is nearer to it than to
/// any other, and the alarms in it. Alarms are cells [i, i + 1) cut to the zone; they are taken
/// away one by one, which keeps neighbours at hand in O(1) (adding would have to search for them).
class Zone {
 public:
  Zone(double low, double high, double begin, double end)
      : low_(low),
        high_(high),
        begin_(begin),
        end_(end),
        first_(static_cast<int64_t>(std::floor(low))),
        cells_(static_cast<int64_t>(std::ceil(high)) - first_) {
    previous_.resize(static_cast<size_t>(cells_) + 2);
    next_.resize(static_cast<size_t>(cells_) + 2);
    for (int64_t i = 0; i < cells_ + 2; ++i) {
      previous_[static_cast<size_t>(i)] = i - 1;
      next_[static_cast<size_t>(i)] = i + 1;
    }
    for (int64_t cell = 1; cell <= cells_; ++cell) {
      near_ += nearness(cell);
      length_ += right(cell) - left(cell);
    }
    remaining_ = cells_;
    recalled_ = end_ - begin_;
  }

  bool holds(int64_t point) const { return point >= first_ && point < first_ + cells_; }

  void remove(int64_t point) {
    const int64_t cell = point - first_ + 1;
    const int64_t before = previous_[static_cast<size_t>(cell)];
    const int64_t after = next_[static_cast<size_t>(cell)];
    recalled_ -= gap(before, cell) + covered(cell) + gap(cell, after);
    recalled_ += gap(before, after);
    next_[static_cast<size_t>(before)] = after;
    previous_[static_cast<size_t>(after)] = before;
    near_ -= nearness(cell);
    length_ -= right(cell) - left(cell);
    --remaining_;
  }

  bool alarmed() const { return remaining_ > 0; }
  /// Mean chance of a random alarm of the zone to lie farther from the interval than these do.
  double precision() const { return alarmed() ? std::clamp(near_ / length_, 0.0, 1.0) : 0; }
  /// Mean chance of a random alarm to lie farther from the interval's points than these do.
  double recall() const {
    return alarmed() ? std::clamp(recalled_ / (end_ - begin_), 0.0, 1.0) : 0;
  }

 private:
  // Cells are numbered from 1; 0 and cells_ + 1 stand for no alarm to the left and to the right.
  double left(int64_t cell) const { return std::max(low_, static_cast<double>(first_ + cell - 1)); }
  double right(int64_t cell) const { return std::min(high_, static_cast<double>(first_ + cell)); }

  double covered(int64_t cell) const {
    return std::max(0.0, std::min(end_, right(cell)) - std::max(begin_, left(cell)));
  }

  /// Integral over a cell of the chance that a point of the zone lies farther from the interval.
  double nearness(int64_t cell) const {
    const double from = left(cell);
    const double to = right(cell);
    if (from >= begin_ && to <= end_) return to - from;
    const double nearest = to <= begin_ ? begin_ - to : from - end_;
    const double farthest = to <= begin_ ? begin_ - from : to - end_;
    const auto below = [&](double margin) {
      return integral_min(farthest, margin) - integral_min(nearest, margin);
    };
    const double nearer =
        (end_ - begin_) * (to - from) + below(begin_ - low_) + below(high_ - end_);
    return (to - from) - nearer / (high_ - low_);
  }

  /// Integral over the interval's part between two alarms of the chance that a point of the zone
  /// lies farther from it than the nearer of them.
  double gap(int64_t before, int64_t after) const {
    const bool alarm_before = before >= 1;
    const bool alarm_after = after <= cells_;
    if (!alarm_before && !alarm_after) return 0;
    const double p = alarm_before ? right(before) : low_;
    const double q = alarm_after ? left(after) : high_;
    double middle = (p + q) / 2;
    if (!alarm_before) middle = p;
    if (!alarm_after) middle = q;
    return part(std::max(begin_, p) - p, std::min(end_, middle) - p, high_ - p) +
           part(q - std::min(end_, q), q - std::max(begin_, middle), q - low_);
  }

  /// The same for points at distances nearest..farthest from their alarm; `reach`: how far the zone
  /// goes beyond the alarm on that side.
  double part(double nearest, double farthest, double reach) const {
    if (farthest <= nearest) return 0;
    const double nearer =
        integral_both_sides(farthest, reach) - integral_both_sides(nearest, reach);
    return (farthest - nearest) - nearer / (high_ - low_);
  }

  double low_, high_, begin_, end_;
  int64_t first_, cells_, remaining_ = 0;
  std::vector<int64_t> previous_, next_;
  double near_ = 0, length_ = 0, recalled_ = 0;
};

std::vector<Zone> make_zones(std::span<const uint8_t> labels) {
  const std::vector<Stretch> intervals = stretches(labels);
  std::vector<Zone> zones;
  zones.reserve(intervals.size());
  double low = 0;
  for (size_t k = 0; k < intervals.size(); ++k) {
    const auto begin = static_cast<double>(intervals[k].first);
    const auto end = static_cast<double>(intervals[k].last + 1);
    const double high = k + 1 < intervals.size()
                            ? (end + static_cast<double>(intervals[k + 1].first)) / 2
                            : static_cast<double>(labels.size());
    zones.emplace_back(low, high, begin, end);
    low = high;
  }
  return zones;
}

/// All zones with the sums over them.
class Affiliations {
 public:
  explicit Affiliations(std::span<const uint8_t> labels)
      : zones_(make_zones(labels)), zone_of_(labels.size()) {
    for (size_t k = 0; k < zones_.size(); ++k) add(zones_[k], 1);
    for (size_t i = 0, k = 0; i < labels.size(); ++i) {
      while (!zones_[k].holds(static_cast<int64_t>(i))) ++k;
      zone_of_[i] = k;
    }
  }

  /// A cell that a border cuts is in two zones.
  void remove(uint32_t point) {
    for (size_t k = zone_of_[point]; k < zones_.size() && zones_[k].holds(point); ++k) {
      add(zones_[k], -1);
      zones_[k].remove(point);
      add(zones_[k], 1);
    }
  }

  double f1() const {
    const double precision = alarmed_ > 0 ? precision_ / alarmed_ : 0;
    return judge::f1(precision, recall_ / static_cast<double>(zones_.size()));
  }

 private:
  void add(const Zone& zone, double sign) {
    if (zone.alarmed()) alarmed_ += sign;
    precision_ += sign * zone.precision();
    recall_ += sign * zone.recall();
  }

  std::vector<Zone> zones_;
  std::vector<size_t> zone_of_;  // the first that holds the point
  double alarmed_ = 0, precision_ = 0, recall_ = 0;
};

}  // namespace

std::string AffiliationF1::summary() const {
  return "how near alarms and intervals are to each other, against alarms drawn at random";
}

double AffiliationF1::score(std::span<const uint8_t> labels, std::span<const double> scores,
                            const SeriesOptions&) const {
  check_series(labels, scores);
  const Ranking ranking = rank(scores);
  Affiliations affiliations(labels);
  double best = ranking.ends.size() == 1 ? affiliations.f1() : 0;
  for (size_t k = ranking.ends.size(); k-- > 1;) {
    for (const uint32_t at : ranking.added(k)) affiliations.remove(at);
    best = std::max(best, affiliations.f1());
  }
  return std::clamp(best, 0.0, 1.0);
}

}  // namespace betimes::judge

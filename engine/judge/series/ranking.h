#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace betimes::judge {

/// A series' points by falling score: what a falling threshold turns into alarms, in that order.
struct Ranking {
  std::vector<uint32_t> order;  // points; equal scores in the order of time
  std::vector<size_t>
      ends;  // ends[k]: points whose score is the k-th largest distinct one or above

  /// Thresholds that leave something unalarmed; 1 where all scores are equal.
  size_t detections() const { return ends.size() > 1 ? ends.size() - 1 : ends.size(); }
  /// The points that threshold k adds to those of the thresholds before it.
  std::span<const uint32_t> added(size_t k) const {
    const size_t begin = k == 0 ? 0 : ends[k - 1];
    return std::span(order).subspan(begin, ends[k] - begin);
  }
};

/// Scores must be finite; fewer than 2^32 of them.
Ranking rank(std::span<const double> scores);

/// Harmonic mean; 0 where both are 0.
inline double f1(double precision, double recall) {
  return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
}

}  // namespace betimes::judge

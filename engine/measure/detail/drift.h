#pragma once

#include <array>
#include <vector>

namespace betimes::measure::detail {

/// Tells when warm-up may end: the medians of the last three windows of runs lie within 1.5 % of
/// each other, or within what the scatter inside the last window explains.
class DriftWatch {
 public:
  /// Takes the next window's times into account (any unit, at least one of them).
  bool stopped(const std::vector<double>& window);
  /// Median of the last window; 0 before the first.
  double median() const { return medians_[0]; }

 private:
  std::array<double, 3> medians_{};  // the newest first
};

}  // namespace betimes::measure::detail

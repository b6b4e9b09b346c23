#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "betimes/judge/detector.h"

namespace betimes::systems::series {

/// The columns with mean 0 and standard deviation 1; constant ones become 0.
std::vector<std::vector<double>> standardized(const judge::Series& series);

/// All windows of a standardised series, one point apart. A window is a vector of length() x
/// columns values, column after column.
class Windows {
 public:
  /// Windows of `length` points; shorter where the series has fewer than four times as many, or a
  /// window of all columns more than 1024 values. Throws Error for fewer than 8 points.
  Windows(const judge::Series& series, int64_t length);

  int64_t length() const { return length_; }
  int64_t width() const { return length_ * static_cast<int64_t>(columns_.size()); }
  int64_t count() const { return points_ - length_ + 1; }
  /// Writes windows first..first+count-1, one after the other: count x width() values.
  void copy(int64_t first, int64_t count, std::span<float> out) const;

 private:
  std::vector<std::vector<double>> columns_;
  int64_t points_, length_;
};

/// Makes scores of points from what a model of windows leaves unexplained of them.
class PointScores {
 public:
  explicit PointScores(const Windows& windows);
  /// Residuals of windows first..first+count-1, as Windows::copy() orders them.
  void add(int64_t first, int64_t count, std::span<const float> residuals);
  /// Root of the mean squared residual of a point over the windows and columns that hold it.
  std::vector<double> scores() const;

 private:
  int64_t length_, columns_;
  std::vector<double> sums_;
  std::vector<int64_t> counts_;
};

}  // namespace betimes::systems::series

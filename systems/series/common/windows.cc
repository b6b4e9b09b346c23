#include "systems/series/common/windows.h"

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"

namespace betimes::systems::series {
namespace {

constexpr int64_t least_points = 8;
constexpr int64_t widest = 1024;

}  // namespace

std::vector<std::vector<double>> standardized(const judge::Series& series) {
  judge::check(series);
  std::vector<std::vector<double>> columns = series.columns;
  for (std::vector<double>& column : columns) {
    const double mean = betimes::mean(column);
    const double deviation = standard_deviation(column);
    // What rounding leaves of a constant column isn't its spread.
    const bool constant = deviation <= 1e-12 * std::fabs(mean);
    for (double& x : column) x = constant ? 0 : (x - mean) / deviation;
  }
  return columns;
}

Windows::Windows(const judge::Series& series, int64_t length)
    : columns_(standardized(series)), points_(static_cast<int64_t>(series.points())) {
  if (points_ < least_points) {
    throw Error(series.name, "has " + std::to_string(points_) + " points, too few for windows",
                std::to_string(least_points) + " or more");
  }
  const auto columns = static_cast<int64_t>(columns_.size());
  length_ = std::max<int64_t>(2, std::min({length, points_ / 4, widest / columns}));
}

void Windows::copy(int64_t first, int64_t count, std::span<float> out) const {
  float* to = out.data();
  for (int64_t window = first; window < first + count; ++window) {
    for (const std::vector<double>& column : columns_) {
      const double* from = column.data() + window;
      to = std::transform(from, from + length_, to, [](double x) { return static_cast<float>(x); });
    }
  }
}

PointScores::PointScores(const Windows& windows)
    : length_(windows.length()),
      columns_(windows.width() / windows.length()),
      sums_(static_cast<size_t>(windows.count() + windows.length() - 1)),
      counts_(sums_.size()) {}

void PointScores::add(int64_t first, int64_t count, std::span<const float> residuals) {
  const float* at = residuals.data();
  for (int64_t window = first; window < first + count; ++window) {
    for (int64_t column = 0; column < columns_; ++column) {
      for (int64_t i = 0; i < length_; ++i, ++at) {
        const auto point = static_cast<size_t>(window + i);
        sums_[point] += static_cast<double>(*at) * static_cast<double>(*at);
        ++counts_[point];
      }
    }
  }
}

std::vector<double> PointScores::scores() const {
  std::vector<double> scores(sums_.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    scores[i] = std::sqrt(sums_[i] / static_cast<double>(std::max<int64_t>(1, counts_[i])));
  }
  return scores;
}

}  // namespace betimes::systems::series

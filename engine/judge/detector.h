#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace betimes::judge {

/// Values over time, with what is anomalous in them where that is known.
struct Series {
  std::string name;
  std::vector<std::vector<double>> columns;  // at least one, all of the same length, finite
  std::vector<uint8_t> labels;               // 0 or 1 a point, or empty
  size_t points() const { return columns.empty() ? 0 : columns[0].size(); }
};

/// Throws Error naming the series where it is empty, columns or labels are of other lengths, or a
/// value isn't finite.
void check(const Series& series);

/// Finds anomalies in a series that it sees as a whole.
class Detector {
 public:
  virtual ~Detector() = default;
  virtual std::string name() const = 0;
  /// One line for people: what it takes for an anomaly.
  virtual std::string summary() const = 0;
  /// A finite score a point, higher is more anomalous. The same seed gives the same scores. Throws
  /// Error for a series that it can't work on, as check() does.
  virtual std::vector<double> scores(const Series& series, uint64_t seed) const = 0;
};

}  // namespace betimes::judge

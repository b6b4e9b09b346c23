#include "betimes/judge/detector.h"

#include <cmath>

#include "betimes/base/error.h"

namespace betimes::judge {

void check(const Series& series) {
  if (series.points() == 0) throw Error(series.name, "has no points", "a series");
  for (const std::vector<double>& column : series.columns) {
    if (column.size() != series.points()) throw Error(series.name, "has columns of other lengths");
    for (size_t i = 0; i < column.size(); ++i) {
      if (std::isfinite(column[i])) continue;
      throw Error(series.name, "has no finite value at point " + std::to_string(i));
    }
  }
  if (!series.labels.empty() && series.labels.size() != series.points()) {
    throw Error(series.name, "has " + std::to_string(series.labels.size()) + " labels",
                std::to_string(series.points()) + ", one for each point");
  }
}

}  // namespace betimes::judge

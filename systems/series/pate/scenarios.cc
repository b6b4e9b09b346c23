#include "systems/series/pate/scenarios.h"

#include <algorithm>

namespace betimes::systems::pate {

std::vector<Scenario> scenarios() {
  struct Row {
    const char* name;
    const char* what;
    int first, last;
    double f1, area;
  };
  static constexpr Row rows[] = {
      {"S1", "before the interval only", 20, 39, 0.0000, 0.0329},
      {"S2", "early, over the first half", 30, 49, 0.7513, 0.7593},
      {"S3", "the interval itself", 40, 59, 1.0000, 1.0000},
      {"S4", "the second half, and late", 50, 69, 0.6642, 0.6854},
      {"S5", "after the interval only", 60, 79, 0.2774, 0.3077},
      {"S6", "all of it, early and late", 30, 69, 0.8544, 0.8729},
      {"S7", "its first half", 40, 49, 0.8068, 0.8487},
      {"S8", "its second half", 50, 59, 0.6667, 0.7664},
      {"S9", "its first three quarters", 40, 54, 0.9484, 0.9542},
      {"S10", "its last three quarters", 45, 59, 0.8571, 0.8832},
  };
  const auto mark = [](int first, int last) {
    std::vector<uint8_t> points(500);
    std::fill(points.begin() + first, points.begin() + last + 1, uint8_t{1});
    return points;
  };
  std::vector<Scenario> all;
  for (const Row& row : rows) {
    all.push_back({row.name, row.what, mark(40, 59), mark(row.first, row.last), row.f1, row.area});
  }
  return all;
}

}  // namespace betimes::systems::pate

#include "systems/hardware/preroutgnn/library.h"

#include <algorithm>

namespace betimes::systems::preroutgnn {
namespace {

/// The interval of an axis whose line holds at `value`: index of its lower end and the share.
struct Place {
  size_t low = 0, high = 0;
  double share = 0;
};

Place locate(const std::vector<float>& axis, double value) {
  if (axis.size() < 2) return {};
  const auto above = std::upper_bound(axis.begin() + 1, axis.end() - 1, value);
  const size_t high = static_cast<size_t>(above - axis.begin());
  const double from = axis[high - 1], width = axis[high] - from;
  return {high - 1, high, (value - from) / width};
}

}  // namespace

double Table::at(double row, double column) const {
  const Place i = locate(rows, row), j = locate(columns, column);
  const auto value = [&](size_t r, size_t c) {
    return static_cast<double>(values[r * std::max<size_t>(columns.size(), 1) + c]);
  };
  const double low = value(i.low, j.low) * (1 - j.share) + value(i.low, j.high) * j.share;
  const double high = value(i.high, j.low) * (1 - j.share) + value(i.high, j.high) * j.share;
  return low * (1 - i.share) + high * i.share;
}

int LibraryCell::find_pin(std::string_view pin) const {
  const auto found = std::find_if(pins.begin(), pins.end(),
                                  [&](const LibraryPin& other) { return other.name == pin; });
  return found == pins.end() ? -1 : static_cast<int>(found - pins.begin());
}

int Library::find(std::string_view cell) const {
  const auto found = std::find_if(cells.begin(), cells.end(),
                                  [&](const LibraryCell& other) { return other.name == cell; });
  return found == cells.end() ? -1 : static_cast<int>(found - cells.begin());
}

}  // namespace betimes::systems::preroutgnn

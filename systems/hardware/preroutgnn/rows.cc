#include "systems/hardware/preroutgnn/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {
namespace {

struct Bin {
  size_t begin = 0, end = 0;  // of the order
  Point low, high;
};

std::vector<size_t> by(const std::vector<Point>& cells, double Point::*axis) {
  std::vector<size_t> order(cells.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return cells[a].*axis < cells[b].*axis; });
  return order;
}

}  // namespace

std::vector<Point> spread(const std::vector<Point>& cells, const std::vector<double>& widths,
                          double width, double height) {
  std::vector<Point> found(cells.size());
  std::vector<size_t> order(cells.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::vector<Bin> open = {{0, cells.size(), {0, 0}, {width, height}}};
  while (!open.empty()) {
    const Bin bin = open.back();
    open.pop_back();
    const size_t count = bin.end - bin.begin;
    if (count == 0) continue;
    if (count == 1) {
      found[order[bin.begin]] = {(bin.low.x + bin.high.x) / 2, (bin.low.y + bin.high.y) / 2};
      continue;
    }
    const bool wide = bin.high.x - bin.low.x >= bin.high.y - bin.low.y;
    double Point::*const axis = wide ? &Point::x : &Point::y;
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(bin.begin);
    const auto last = order.begin() + static_cast<std::ptrdiff_t>(bin.end);
    std::stable_sort(first, last,
                     [&](size_t a, size_t b) { return cells[a].*axis < cells[b].*axis; });
    double sum = 0, half = 0;
    for (auto cell = first; cell != last; ++cell) sum += widths[*cell];
    size_t split = bin.begin;
    while (split + 1 < bin.end && (split == bin.begin || half + widths[order[split]] <= sum / 2)) {
      half += widths[order[split++]];
    }
    const double cut = bin.low.*axis + (bin.high.*axis - bin.low.*axis) * half / sum;
    Bin below = bin, above = bin;
    below.end = above.begin = split;
    below.high.*axis = above.low.*axis = cut;
    open.push_back(below);
    open.push_back(above);
  }
  return found;
}

std::vector<Point> set_in_rows(const std::vector<Point>& cells, const std::vector<double>& widths,
                               double width, double height, double row_height) {
  const auto row_count = static_cast<size_t>(std::max(1.0, std::round(height / row_height)));
  const double sum = std::accumulate(widths.begin(), widths.end(), 0.0);
  std::vector<std::vector<size_t>> rows(row_count);
  std::vector<double> filled(row_count, 0);
  double before = 0;
  for (const size_t cell : by(cells, &Point::y)) {
    const double middle = before + widths[cell] / 2;
    before += widths[cell];
    size_t row =
        std::min(row_count - 1, static_cast<size_t>(middle / sum * static_cast<double>(row_count)));
    // A wide cell at the end of a full row goes to the emptiest.
    if (filled[row] + widths[cell] > width) {
      row = static_cast<size_t>(std::min_element(filled.begin(), filled.end()) - filled.begin());
    }
    filled[row] += widths[cell];
    if (filled[row] > width * (1 + 1e-9)) {
      throw Error("rows", fmt::format("of {:g} um can't hold the cells", width));
    }
    rows[row].push_back(cell);
  }
  std::vector<Point> found(cells.size());
  for (size_t row = 0; row < row_count; ++row) {
    std::vector<size_t>& line = rows[row];
    std::stable_sort(line.begin(), line.end(),
                     [&](size_t a, size_t b) { return cells[a].x < cells[b].x; });
    double left = 0;
    for (const size_t cell : line) {
      left = std::max(left, cells[cell].x - widths[cell] / 2);
      found[cell] = {left + widths[cell] / 2, (static_cast<double>(row) + 0.5) * row_height};
      left += widths[cell];
    }
    // Back from the right end as far as needed.
    double right = width;
    for (size_t i = line.size(); i-- > 0;) {
      const double half = widths[line[i]] / 2;
      found[line[i]].x = std::min(found[line[i]].x, right - half);
      right = found[line[i]].x - half;
    }
  }
  return found;
}

}  // namespace betimes::systems::preroutgnn

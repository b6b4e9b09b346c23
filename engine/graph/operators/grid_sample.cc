// GridSample (16, and 20 for its other numbers of axes) of lines, images and volumes.
#include <algorithm>
#include <array>
#include <cmath>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

enum class Mode : uint8_t { nearest, bilinear, bicubic };
enum class Padding : uint8_t { zeros, border, reflection };

struct Sampling {
  Mode mode = Mode::bilinear;
  Padding padding = Padding::zeros;
  bool align_corners = false;
};

Sampling sampling(const NodeContext& context) {
  Sampling result;
  const std::string mode = context.node.get("mode", "bilinear");
  const std::string padding = context.node.get("padding_mode", "zeros");
  if (mode == "nearest") {
    result.mode = Mode::nearest;
  } else if (mode == "bicubic") {
    result.mode = Mode::bicubic;
  } else if (mode != "bilinear") {
    fail(context, "mode is '" + mode + "'", "bilinear, nearest or bicubic");
  }
  if (padding == "border") {
    result.padding = Padding::border;
  } else if (padding == "reflection") {
    result.padding = Padding::reflection;
  } else if (padding != "zeros") {
    fail(context, "padding_mode is '" + padding + "'", "zeros, border or reflection");
  }
  result.align_corners = flag(context, "align_corners", false);
  return result;
}

std::vector<TensorType> infer(const NodeContext& context) {
  sampling(context);
  require_rank(context, 0, 3, 5);
  require_one_of(context, 1, Floats::list());
  const Shape& x = context.shape(0);
  require_rank(context, 1, x.size(), x.size());
  Shape grid = context.shape(1);
  Shape y = {x[0], x[1]};
  y.insert(y.end(), grid.begin() + 1, grid.end() - 1);
  grid.front() = x[0];
  grid.back() = static_cast<int64_t>(x.size()) - 2;
  require_shape(context, 1, grid);
  return one(context.type(0).dtype, y);
}

/// One axis of the image: from a coordinate of [-1, 1] to pixels, and to pixels that exist.
struct Axis {
  int64_t extent = 1;
  Sampling how;

  double pixel(double coordinate) const {
    const auto n = static_cast<double>(extent);
    return how.align_corners ? (coordinate + 1) / 2 * (n - 1) : ((coordinate + 1) * n - 1) / 2;
  }
  /// A position inside the image's borders, by reflection at them.
  double reflected(double x) const {
    const double low = how.align_corners ? 0 : -0.5;
    const double high = static_cast<double>(extent) - (how.align_corners ? 1 : 0.5);
    const double range = high - low;
    if (!(range > 0) || !std::isfinite(x)) return 0;
    const double turns = std::floor((x - low) / range);
    const double rest = x - low - turns * range;
    return std::fmod(turns, 2) == 0 ? low + rest : high - rest;
  }
  double inside(double x) const {
    const double last = static_cast<double>(extent - 1);
    if (how.padding == Padding::border) return std::clamp(x, 0.0, last);
    if (how.padding == Padding::reflection) return std::clamp(reflected(x), 0.0, last);
    return x;
  }
  /// The pixel at a whole position, or -1 where nothing is.
  int64_t index(double whole) const {
    const double x = inside(whole);
    if (!(x >= 0 && x <= static_cast<double>(extent - 1))) return -1;
    return static_cast<int64_t>(std::nearbyint(x));
  }
};

/// Neighbours of a point along one axis and their weights.
struct Taps {
  std::array<int64_t, 4> index{};
  std::array<double, 4> weight{};
  int count = 0;
};

/// The cubic convolution kernel of Keys (1981) with a = -0.75.
double cubic(double x) {
  constexpr double a = -0.75;
  x = std::fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

Taps taps_at(const Axis& axis, double coordinate) {
  // Farther out, a double no longer tells neighbouring pixels apart.
  constexpr double far = 1e9;
  double x = std::clamp(axis.pixel(coordinate), -far, far);
  Taps taps;
  if (std::isnan(x)) x = -far;  // nowhere
  if (axis.how.mode == Mode::nearest) {
    taps.count = 1;
    taps.index[0] = axis.index(std::nearbyint(axis.inside(x)));
    taps.weight[0] = 1;
    return taps;
  }
  const bool cubed = axis.how.mode == Mode::bicubic;
  // Cubic neighbours are moved inside one by one; linear ones follow from the point inside.
  if (!cubed) x = axis.inside(x);
  const double below = std::floor(x);
  taps.count = cubed ? 4 : 2;
  for (int i = 0; i < taps.count; ++i) {
    const double at = below + i - (cubed ? 1 : 0);
    taps.index[static_cast<size_t>(i)] = axis.index(at);
    taps.weight[static_cast<size_t>(i)] = cubed ? cubic(x - at) : 1 - std::fabs(x - at);
  }
  return taps;
}

/// Depth, height and width; of those that there are, the last.
using Axes = std::array<Axis, 3>;
using Point = std::array<Taps, 3>;

template <class T>
double mixed(const T* image, const Axes& axes, const Point& point) {
  const auto& [planes, rows, columns] = point;
  double sum = 0;
  for (size_t i = 0; i < static_cast<size_t>(planes.count); ++i) {
    if (planes.index[i] < 0) continue;
    for (size_t j = 0; j < static_cast<size_t>(rows.count); ++j) {
      if (rows.index[j] < 0) continue;
      const double outer = planes.weight[i] * rows.weight[j];
      const T* row = image + (planes.index[i] * axes[1].extent + rows.index[j]) * axes[2].extent;
      for (size_t k = 0; k < static_cast<size_t>(columns.count); ++k) {
        if (columns.index[k] < 0) continue;
        const auto value = static_cast<double>(load(row[columns.index[k]]));
        sum += outer * columns.weight[k] * value;
      }
    }
  }
  return sum;
}

/// Reads points of `rank` coordinates, the innermost axis' first.
struct Points {
  Axes axes;
  size_t rank = 2;
  Reader coordinate;

  Point at(const void* grid, int64_t i) const {
    Point point;
    // An axis that isn't there has one element, which counts whole.
    for (Taps& taps : point) {
      taps.count = 1;
      taps.weight[0] = 1;
    }
    for (size_t k = 0; k < rank; ++k) {
      const auto place = i * static_cast<int64_t>(rank) + static_cast<int64_t>(k);
      point[2 - k] = taps_at(axes[2 - k], coordinate(grid, place));
    }
    return point;
  }
};

Evaluator prepare(const NodeContext& context, std::span<const TensorType>) {
  const Sampling how = sampling(context);
  const Shape& x = context.shape(0);
  const Shape& grid = context.shape(1);
  Points points{{}, x.size() - 2, reader_of(context.type(1).dtype)};
  int64_t plane = 1;
  for (size_t k = 0; k < points.rank; ++k) {
    points.axes[2 - k] = {x[x.size() - 1 - k], how};
    plane *= x[x.size() - 1 - k];
  }
  const int64_t count = element_count({grid.begin() + 1, grid.end() - 1});
  return Numbers::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=, channels = x[1], batch = x[0]](auto inputs, auto results) {
      for (int64_t n = 0; n < batch; ++n) {
        for (int64_t p = 0; p < count; ++p) {
          const Point point = points.at(inputs[1].data, n * count + p);
          for (int64_t c = 0; c < channels; ++c) {
            const int64_t image = n * channels + c;
            const double value =
                mixed(inputs[0].template as<const T>() + image * plane, points.axes, point);
            results[0].template as<T>()[image * count + p] = convert<T>(value);
          }
        }
      }
    };
  });
}

}  // namespace

void register_grid_sample(OperatorRegistry& registry) {
  registry.add({.name = "GridSample",
                .min_inputs = 2,
                .max_inputs = 2,
                .attributes = {{"align_corners", AttributeKind::integer},
                               {"mode", AttributeKind::text},
                               {"padding_mode", AttributeKind::text}},
                .types = Numbers::list(),
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph

// MaxRoiPool (1): the largest element of each bin of a region (Girshick, "Fast R-CNN", 2015).
#include <algorithm>
#include <cmath>
#include <limits>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/index.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

struct Pooling {
  int64_t height = 1, width = 1;  // of the output
  double scale = 1;
};

Pooling pooling(const NodeContext& context) {
  const auto shape = context.node.get("pooled_shape", std::vector<int64_t>{});
  if (shape.size() != 2) {
    fail(context, "pooled_shape has " + std::to_string(shape.size()) + " numbers",
         "height and width");
  }
  constexpr int64_t most = int64_t{1} << 20;
  return {bounded(context, "a pooled extent", shape[0], 1, most),
          bounded(context, "a pooled extent", shape[1], 1, most),
          context.node.get("spatial_scale", 1.0f)};
}

std::vector<TensorType> infer(const NodeContext& context) {
  const Pooling p = pooling(context);
  require_rank(context, 0, 4, 4);
  require_same_dtype(context, 1, 0);
  require_rank(context, 1, 2, 2);
  const int64_t regions = context.shape(1)[0];
  require_shape(context, 1, {regions, 5});
  return one(context.type(0).dtype, {regions, context.shape(0)[1], p.height, p.width});
}

/// The part of a region along one axis, in whole pixels, its last one included.
struct Span {
  int64_t first = 0;
  int64_t length = 1;

  int64_t begin(int64_t bin, int64_t bins, int64_t extent) const {
    return std::clamp<int64_t>(first + bin * length / bins, 0, extent);
  }
  int64_t end(int64_t bin, int64_t bins, int64_t extent) const {
    return std::clamp<int64_t>(first + ((bin + 1) * length + bins - 1) / bins, 0, extent);
  }
};

Span span_of(double from, double to, double scale) {
  // Regions are data; farther out there is no image. Bins times this stay within 64 bits.
  constexpr double far = 1e12;
  const auto pixel = [&](double x) {
    const double whole = std::round(x * scale);
    return std::isnan(whole) ? 0 : static_cast<int64_t>(std::clamp(whole, -far, far));
  };
  Span span{pixel(from), 1};
  span.length = std::max<int64_t>(pixel(to) - span.first + 1, 1);
  return span;
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType>) {
  const Shape& x = context.shape(0);
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [p = pooling(context), batch = x[0], channels = x[1], height = x[2], width = x[3],
            regions = context.shape(1)[0]](auto inputs, auto outputs) {
      T* y = outputs[0].template as<T>();
      for (int64_t r = 0; r < regions; ++r) {
        const T* region = inputs[1].template as<const T>() + 5 * r;
        const int64_t n = checked_index(convert<int64_t>(region[0]), batch, "MaxRoiPool");
        const Span columns = span_of(load(region[1]), load(region[3]), p.scale);
        const Span rows = span_of(load(region[2]), load(region[4]), p.scale);
        for (int64_t i = 0; i < channels * p.height * p.width; ++i, ++y) {
          const int64_t bin_y = i / p.width % p.height;
          const int64_t bin_x = i % p.width;
          const T* plane = inputs[0].template as<const T>() +
                           (n * channels + i / p.width / p.height) * height * width;
          const int64_t right = columns.end(bin_x, p.width, width);
          const int64_t bottom = rows.end(bin_y, p.height, height);
          auto largest = -std::numeric_limits<double>::infinity();
          for (int64_t v = rows.begin(bin_y, p.height, height); v < bottom; ++v) {
            for (int64_t u = columns.begin(bin_x, p.width, width); u < right; ++u) {
              largest = std::max(largest, static_cast<double>(load(plane[v * width + u])));
            }
          }
          // A bin outside of the image.
          *y = convert<T>(std::isinf(largest) && largest < 0 ? 0 : largest);
        }
      }
    };
  });
}

}  // namespace

void register_max_roi_pool(OperatorRegistry& registry) {
  registry.add({.name = "MaxRoiPool",
                .min_inputs = 2,
                .max_inputs = 2,
                .attributes = {{"pooled_shape", AttributeKind::integers},
                               {"spatial_scale", AttributeKind::real}},
                .types = Floats::list(),
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph

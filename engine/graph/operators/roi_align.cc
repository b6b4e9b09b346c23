// RoiAlign (16): He, Gkioxari, Dollar and Girshick, "Mask R-CNN" (2017).
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
  int64_t samples = 0;            // along each side of a bin; 0: one for each pixel
  double scale = 1;
  bool half_pixel = true;
  bool maximum = false;
};

Pooling pooling(const NodeContext& context) {
  constexpr int64_t most = int64_t{1} << 20;
  Pooling result;
  const auto count = [&](const char* key, int64_t otherwise, int64_t least) {
    return bounded(context, key, context.node.get(key, otherwise), least, most);
  };
  result.height = count("output_height", 1, 1);
  result.width = count("output_width", 1, 1);
  result.samples =
      bounded(context, "sampling_ratio", context.node.get("sampling_ratio", int64_t{0}), 0, 256);
  result.scale = context.node.get("spatial_scale", 1.0f);
  const std::string mode = context.node.get("mode", "avg");
  if (mode != "avg" && mode != "max") fail(context, "mode is '" + mode + "'", "avg or max");
  result.maximum = mode == "max";
  const std::string transform = context.node.get("coordinate_transformation_mode", "half_pixel");
  if (transform != "half_pixel" && transform != "output_half_pixel") {
    fail(context, "coordinate_transformation_mode is '" + transform + "'",
         "half_pixel or output_half_pixel");
  }
  result.half_pixel = transform == "half_pixel";
  return result;
}

std::vector<TensorType> infer(const NodeContext& context) {
  const Pooling p = pooling(context);
  require_rank(context, 0, 4, 4);
  require_same_dtype(context, 1, 0);
  require_rank(context, 1, 2, 2);
  require_dtype(context, 2, DType::i64);
  const int64_t regions = context.shape(1)[0];
  require_shape(context, 1, {regions, 4});
  require_shape(context, 2, {regions});
  return one(context.type(0).dtype, {regions, context.shape(0)[1], p.height, p.width});
}

/// The part of a region along one axis, in pixels.
struct Span {
  double start = 0;
  double bin = 0;       // of the output
  int64_t samples = 0;  // in each bin

  double at(int64_t out, int64_t sample) const {
    return start + (static_cast<double>(out) +
                    (static_cast<double>(sample) + 0.5) / static_cast<double>(samples)) *
                       bin;
  }
};

Span span_of(const Pooling& p, double from, double to, int64_t bins, int64_t extent) {
  const double offset = p.half_pixel ? 0.5 : 0;
  Span span;
  span.start = from * p.scale - offset;
  double length = to * p.scale - offset - span.start;
  if (!p.half_pixel) length = std::max(length, 1.0);
  span.bin = length / static_cast<double>(bins);
  // Regions are data: whatever they say, the work is bounded by the image.
  const double most = static_cast<double>(8 * extent + 64);
  const double each = std::isfinite(span.bin) ? std::ceil(span.bin) : 0;
  span.samples = p.samples > 0 ? p.samples : static_cast<int64_t>(std::clamp(each, 0.0, most));
  return span;
}

/// Two neighbours along an axis and their weights; none outside of the image.
struct Pair {
  int64_t low = -1, high = -1;
  double low_weight = 0, high_weight = 0;
};

Pair pair_at(double x, int64_t extent) {
  const auto n = static_cast<double>(extent);
  if (!(x >= -1 && x <= n)) return {};
  x = std::max(x, 0.0);
  Pair pair;
  pair.low = std::min(static_cast<int64_t>(x), extent - 1);
  pair.high = std::min(pair.low + 1, extent - 1);
  if (pair.low == extent - 1) x = static_cast<double>(pair.low);
  pair.high_weight = x - static_cast<double>(pair.low);
  pair.low_weight = 1 - pair.high_weight;
  return pair;
}

/// One bin of one channel. ONNX's maximum is of the four weighted neighbours, not of their sums.
template <class T>
double pooled(const Pooling& p, const T* plane, int64_t height, int64_t width, const Span& rows,
              const Span& columns, int64_t oy, int64_t ox) {
  double sum = 0;
  double largest = -std::numeric_limits<double>::infinity();
  for (int64_t sy = 0; sy < rows.samples; ++sy) {
    const Pair down = pair_at(rows.at(oy, sy), height);
    for (int64_t sx = 0; sx < columns.samples; ++sx) {
      const Pair across = pair_at(columns.at(ox, sx), width);
      if (down.low < 0 || across.low < 0) {
        largest = std::max(largest, 0.0);
        continue;
      }
      const auto value = [&](int64_t y, int64_t x) {
        return static_cast<double>(load(plane[y * width + x]));
      };
      const double parts[] = {
          down.low_weight * across.low_weight * value(down.low, across.low),
          down.low_weight * across.high_weight * value(down.low, across.high),
          down.high_weight * across.low_weight * value(down.high, across.low),
          down.high_weight * across.high_weight * value(down.high, across.high)};
      for (const double part : parts) {
        sum += part;
        largest = std::max(largest, part);
      }
    }
  }
  const int64_t samples = rows.samples * columns.samples;
  if (samples == 0) return 0;
  return p.maximum ? largest : sum / static_cast<double>(samples);
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType>) {
  const Shape& x = context.shape(0);
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [p = pooling(context), batch = x[0], channels = x[1], height = x[2], width = x[3],
            regions = context.shape(1)[0]](auto inputs, auto outputs) {
      T* y = outputs[0].template as<T>();
      for (int64_t r = 0; r < regions; ++r) {
        const T* box = inputs[1].template as<const T>() + 4 * r;
        const Span columns = span_of(p, load(box[0]), load(box[2]), p.width, width);
        const Span rows = span_of(p, load(box[1]), load(box[3]), p.height, height);
        const int64_t n =
            checked_index(inputs[2].template as<const int64_t>()[r], batch, "RoiAlign");
        for (int64_t c = 0; c < channels; ++c) {
          const T* plane = inputs[0].template as<const T>() + (n * channels + c) * height * width;
          for (int64_t oy = 0; oy < p.height; ++oy) {
            for (int64_t ox = 0; ox < p.width; ++ox) {
              *y++ = convert<T>(pooled(p, plane, height, width, rows, columns, oy, ox));
            }
          }
        }
      }
    };
  });
}

}  // namespace

void register_roi_align(OperatorRegistry& registry) {
  registry.add({.name = "RoiAlign",
                .min_inputs = 3,
                .max_inputs = 3,
                .attributes = {{"coordinate_transformation_mode", AttributeKind::text},
                               {"mode", AttributeKind::text},
                               {"output_height", AttributeKind::integer},
                               {"output_width", AttributeKind::integer},
                               {"sampling_ratio", AttributeKind::integer},
                               {"spatial_scale", AttributeKind::real}},
                .types = Floats::list(),
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph

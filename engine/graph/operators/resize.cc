// Resize (13, and what 18 and 19 added): every output element is a weighted sum of a few input
// elements along each axis, worked out per axis ahead of time.
#include <algorithm>
#include <cmath>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

// Of an axis, since what is worked out ahead of time grows with it.
constexpr int64_t longest = int64_t{1} << 22;

struct Axis {
  int64_t in = 1;
  int64_t out = 1;
  double scale = 1;
  double roi_start = 0;  // of tf_crop_and_resize
  double roi_end = 1;
};

std::string chosen(const NodeContext& context, const std::string& attribute, const char* otherwise,
                   const std::vector<std::string>& allowed) {
  std::string value = context.node.get(attribute, otherwise);
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return value;
  std::string all;
  for (const std::string& each : allowed) all += (all.empty() ? "" : ", ") + each;
  fail(context, "attribute '" + attribute + "' is " + value, "one of " + all);
}

std::string mode_of(const NodeContext& context) {
  return chosen(context, "mode", "nearest", {"nearest", "linear", "cubic"});
}
std::string rounding_of(const NodeContext& context) {
  return chosen(context, "nearest_mode", "round_prefer_floor",
                {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"});
}
std::string coordinates_of(const NodeContext& context) {
  return chosen(context, "coordinate_transformation_mode", "half_pixel",
                {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "tf_half_pixel_for_nn",
                 "align_corners", "asymmetric", "tf_crop_and_resize"});
}
std::string policy_of(const NodeContext& context) {
  return chosen(context, "keep_aspect_ratio_policy", "stretch",
                {"stretch", "not_larger", "not_smaller"});
}

bool given(const NodeContext& context, size_t i) {
  return context.present(i) && element_count(context.shape(i)) > 0;
}

void require_length(const NodeContext& context, size_t i, size_t wanted) {
  require_shape(context, i, {static_cast<int64_t>(wanted)});
}

/// Axes that scales, sizes and regions speak of, in their order; the others stay as they are.
void read_scales(const NodeContext& context, const std::vector<size_t>& listed,
                 std::vector<Axis>& axes) {
  require_dtype(context, 2, DType::f32);
  require_length(context, 2, listed.size());
  const auto scales = context.constant(2, "the scales").data<float>();
  for (size_t i = 0; i < listed.size(); ++i) {
    Axis& axis = axes[listed[i]];
    // In float, as exporters and other runtimes have it: 10 * 0.7f is 7, in double it is below.
    const float extent = std::floor(static_cast<float>(axis.in) * scales[i]);
    if (!(scales[i] > 0) || !(extent < static_cast<float>(longest))) {
      fail(context, "scale " + std::to_string(i) + " is " + std::to_string(scales[i]),
           "a number above 0 that gives a reasonable size");
    }
    axis.scale = double{scales[i]};
    axis.out = static_cast<int64_t>(extent);
  }
}

void read_sizes(const NodeContext& context, const std::vector<size_t>& listed,
                std::vector<Axis>& axes) {
  require_length(context, 3, listed.size());
  const std::vector<int64_t> sizes = context.integers(3, "the sizes");
  for (size_t i = 0; i < listed.size(); ++i) {
    Axis& axis = axes[listed[i]];
    axis.out = bounded(context, "a size", sizes[i], axis.in == 0 ? 0 : 1, longest);
    if (axis.in == 0 && axis.out > 0) fail(context, "cannot enlarge an axis of no elements");
    if (axis.in == 0) continue;
    axis.scale = static_cast<double>(axis.out) / static_cast<double>(axis.in);
  }
}

/// One scale for all listed axes: the largest that makes none longer than its size, or the smallest
/// that makes none shorter.
void keep_aspect_ratio(const NodeContext& context, const std::vector<size_t>& listed,
                       std::vector<Axis>& axes) {
  const std::string policy = policy_of(context);
  if (policy == "stretch" || listed.empty()) return;
  double scale = axes[listed[0]].scale;
  for (const size_t i : listed) {
    if (axes[i].in == 0) fail(context, "has no ratio to keep with an axis of no elements");
    scale =
        policy == "not_larger" ? std::min(scale, axes[i].scale) : std::max(scale, axes[i].scale);
  }
  for (const size_t i : listed) {
    const double extent = std::floor(scale * static_cast<double>(axes[i].in) + 0.5);
    if (!(extent <= static_cast<double>(longest))) {
      fail(context, "an axis becomes " + std::to_string(extent) + " long", "a reasonable size");
    }
    axes[i].scale = scale;
    axes[i].out = static_cast<int64_t>(extent);
  }
}

std::vector<Axis> resized_axes(const NodeContext& context) {
  std::vector<Axis> axes;
  for (const int64_t extent : context.shape(0)) axes.push_back({extent, extent});
  const std::vector<size_t> listed = ordered_axes(context, axes.size());
  if (given(context, 2) == given(context, 3)) {
    fail(context,
         "has " + std::string(given(context, 2) ? "both" : "neither") + " scales and sizes",
         "one of the two");
  }
  if (given(context, 2)) {
    read_scales(context, listed, axes);
  } else {
    read_sizes(context, listed, axes);
    keep_aspect_ratio(context, listed, axes);
  }
  if (coordinates_of(context) != "tf_crop_and_resize") return axes;
  require_length(context, 1, 2 * listed.size());
  require_one_of(context, 1, Wide::list());
  const Tensor roi = context.constant(1, "the region").cast(DType::f64);
  for (size_t i = 0; i < listed.size(); ++i) {
    axes[listed[i]].roi_start = roi.data<double>()[i];
    axes[listed[i]].roi_end = roi.data<double>()[listed.size() + i];
  }
  return axes;
}

std::vector<TensorType> infer_resize(const NodeContext& context) {
  mode_of(context);
  rounding_of(context);
  policy_of(context);
  flag(context, "exclude_outside", false);
  flag(context, "antialias", false);
  Shape shape;
  for (const Axis& axis : resized_axes(context)) shape.push_back(axis.out);
  return one(context.type(0).dtype, shape);
}

/// Where output position i lies on the input's axis.
double original(const Axis& axis, const std::string& coordinates, int64_t i) {
  const auto at = static_cast<double>(i);
  const auto in = static_cast<double>(axis.in);
  const auto out = static_cast<double>(axis.out);
  if (coordinates == "asymmetric") return at / axis.scale;
  if (coordinates == "align_corners") return axis.out == 1 ? 0 : at * (in - 1) / (out - 1);
  if (coordinates == "tf_crop_and_resize") {
    if (axis.out == 1) return 0.5 * (axis.roi_start + axis.roi_end) * (in - 1);
    return axis.roi_start * (in - 1) + at * (axis.roi_end - axis.roi_start) * (in - 1) / (out - 1);
  }
  if (coordinates == "pytorch_half_pixel" && axis.out == 1) return 0;
  if (coordinates == "tf_half_pixel_for_nn") return (at + 0.5) / axis.scale;
  if (coordinates == "half_pixel_symmetric") {
    // The middle of the input stays in the middle although the output's extent was rounded.
    const double offset = in / 2 * (1 - out / (axis.scale * in));
    return offset + (at + 0.5) / axis.scale - 0.5;
  }
  return (at + 0.5) / axis.scale - 0.5;
}

double nearest(double x, const std::string& rounding) {
  if (rounding == "floor") return std::floor(x);
  if (rounding == "ceil") return std::ceil(x);
  if (rounding == "round_prefer_floor") return std::ceil(x - 0.5);
  return std::floor(x + 0.5);
}

struct Tap {
  int64_t index = 0;
  double weight = 0;
};

/// The input positions that one output position is made of.
struct Taps {
  std::vector<Tap> taps;
  bool outside = false;  // beyond the input, where extrapolation_value stands

  void add(double index, double weight) { taps.push_back({static_cast<int64_t>(index), weight}); }
};

/// Keys' cubic convolution with coefficient a ("Cubic convolution interpolation for digital image
/// processing", 1981), at distance d >= 0.
double cubic_weight(double d, double a) {
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

class TapMaker {
 public:
  explicit TapMaker(const NodeContext& context)
      : mode_(mode_of(context)),
        rounding_(rounding_of(context)),
        coordinates_(coordinates_of(context)),
        a_(context.node.get("cubic_coeff_a", -0.75f)),
        exclude_outside_(flag(context, "exclude_outside", false)),
        antialias_(flag(context, "antialias", false)) {}

  std::vector<Taps> along(const Axis& axis) const {
    std::vector<Taps> all;
    for (int64_t i = 0; i < axis.out; ++i) all.push_back(at(axis, i));
    return all;
  }

 private:
  Taps at(const Axis& axis, int64_t i) const {
    const double last = static_cast<double>(axis.in) - 1;
    const double x = original(axis, coordinates_, i);
    Taps taps;
    taps.outside = coordinates_ == "tf_crop_and_resize" && !(x >= 0 && x <= last);
    // Where the image shrinks, the filter against aliasing is as much wider.
    const double squeeze = antialias_ ? std::min(axis.scale, 1.0) : 1;
    const double reach = std::ceil((mode_ == "cubic" ? 2 : 1) / squeeze);
    // Beyond the end by more than a window, only the last element counts; this bounds the cast too.
    const double near = std::clamp(x, -reach - 2, last + reach + 2);
    if (mode_ == "nearest") {
      taps.add(nearest(near, rounding_), 1);
    } else {
      const double base = std::floor(near);
      for (double k = 1 - reach; k <= reach; ++k) {
        taps.add(base + k, filter(std::fabs(near - base - k) * squeeze));
      }
    }
    finish(taps, axis.in, squeeze < 1);
    return taps;
  }

  /// The weight of what is at distance d >= 0, in the filter's units.
  double filter(double d) const {
    return mode_ == "cubic" ? cubic_weight(d, a_) : std::max(0.0, 1 - d);
  }

  /// Brings the taps inside; their weights come to 1 again where that isn't so by itself.
  void finish(Taps& taps, int64_t extent, bool squeezed) const {
    double kept = 0;
    for (Tap& tap : taps.taps) {
      const bool inside = tap.index >= 0 && tap.index < extent;
      if (exclude_outside_ && !inside) tap.weight = 0;
      tap.index = std::clamp<int64_t>(tap.index, 0, extent - 1);
      kept += tap.weight;
    }
    if ((!exclude_outside_ && !squeezed) || kept == 0) return;
    for (Tap& tap : taps.taps) tap.weight /= kept;
  }

  std::string mode_;
  std::string rounding_;
  std::string coordinates_;
  double a_;
  bool exclude_outside_;
  bool antialias_;
};

struct Interpolation {
  std::vector<std::vector<Taps>> axes;
  Strides steps;  // of the input
  double extrapolated = 0;
  bool copies = false;  // one tap of weight 1 an axis: integers stay exact

  /// Adds up the taps of axes from `axis` on.
  template <class T>
  double sum(size_t axis, const std::array<const Taps*, max_rank>& taps, const T* x) const {
    if (axis == axes.size()) return static_cast<double>(load(*x));
    double total = 0;
    for (const Tap& tap : taps[axis]->taps) {
      if (tap.weight != 0) total += tap.weight * sum(axis + 1, taps, x + tap.index * steps[axis]);
    }
    return total;
  }

  template <class T>
  T value(const std::array<const Taps*, max_rank>& taps, const T* x) const {
    int64_t offset = 0;
    for (size_t i = 0; i < axes.size(); ++i) {
      if (taps[i]->outside) return convert<T>(extrapolated);
      offset += taps[i]->taps[0].index * steps[i];
    }
    return copies ? x[offset] : convert<T>(sum(0, taps, x));
  }

  /// Writes the outputs of axes from `axis` on, and returns what follows them.
  template <class T>
  T* run(size_t axis, std::array<const Taps*, max_rank>& taps, const T* x, T* y) const {
    if (axis == axes.size()) {
      *y = value(taps, x);
      return y + 1;
    }
    for (const Taps& each : axes[axis]) {
      taps[axis] = &each;
      y = run(axis + 1, taps, x, y);
    }
    return y;
  }
};

using Resized = Types<float, double, float16, bfloat16, uint8_t, int8_t, int32_t, int64_t>;

Evaluator prepare_resize(const NodeContext& context, std::span<const TensorType>) {
  Interpolation plan;
  plan.steps = row_major(context.shape(0));
  plan.extrapolated = double{context.node.get("extrapolation_value", 0.0f)};
  plan.copies = mode_of(context) == "nearest";
  const TapMaker maker(context);
  for (const Axis& axis : resized_axes(context)) plan.axes.push_back(maker.along(axis));
  return Resized::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [plan](auto inputs, auto outputs) {
      std::array<const Taps*, max_rank> taps{};
      plan.run(0, taps, inputs[0].template as<const T>(), outputs[0].template as<T>());
    };
  });
}

}  // namespace

void register_resize(OperatorRegistry& registry) {
  registry.add({.name = "Resize",
                .max_inputs = 4,
                .attributes = {{"antialias", AttributeKind::integer},
                               {"axes", AttributeKind::integers},
                               {"coordinate_transformation_mode", AttributeKind::text},
                               {"cubic_coeff_a", AttributeKind::real},
                               {"exclude_outside", AttributeKind::integer},
                               {"extrapolation_value", AttributeKind::real},
                               {"keep_aspect_ratio_policy", AttributeKind::text},
                               {"mode", AttributeKind::text},
                               {"nearest_mode", AttributeKind::text}},
                .types = Resized::list(),
                .infer = infer_resize,
                .prepare = prepare_resize});
}

}  // namespace betimes::graph

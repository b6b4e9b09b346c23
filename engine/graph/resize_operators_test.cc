// Resize, written out from the specification's formulas: one axis after the other.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

using ResizeOperators = ::testing::Test;

struct Resizing {
  std::string mode = "nearest";
  std::string coordinates = "half_pixel";
  std::string nearest = "round_prefer_floor";
  double a = -0.75;
  bool exclude = false;
  double extrapolated = 0;
  bool antialias = false;
};

struct Axis {
  int64_t in, out;
  double scale;
  double start = 0;
  double end = 1;
};

double original(const Resizing& r, const Axis& axis, int64_t i) {
  const auto x = static_cast<double>(i);
  const auto in = static_cast<double>(axis.in);
  const auto out = static_cast<double>(axis.out);
  if (r.coordinates == "half_pixel") return (x + 0.5) / axis.scale - 0.5;
  if (r.coordinates == "pytorch_half_pixel") {
    return axis.out > 1 ? (x + 0.5) / axis.scale - 0.5 : 0;
  }
  // Of one output, ONNX's text divides by zero; its reference implementation takes the first.
  if (r.coordinates == "align_corners") return axis.out > 1 ? x * (in - 1) / (out - 1) : 0;
  if (r.coordinates == "asymmetric") return x / axis.scale;
  if (r.coordinates == "tf_half_pixel_for_nn") return (x + 0.5) / axis.scale;
  if (r.coordinates == "half_pixel_symmetric") {
    const double adjustment = out / (in * axis.scale);
    return in / 2 * (1 - adjustment) + (x + 0.5) / axis.scale - 0.5;
  }
  if (axis.out == 1) return 0.5 * (axis.start + axis.end) * (in - 1);
  return axis.start * (in - 1) + x * (axis.end - axis.start) * (in - 1) / (out - 1);
}

double nearest(const std::string& mode, double x) {
  const double below = std::floor(x);
  if (mode == "floor") return below;
  if (mode == "ceil") return std::ceil(x);
  if (x - below == 0.5) return mode == "round_prefer_floor" ? below : below + 1;
  return x - below < 0.5 ? below : below + 1;
}

/// Keys' kernel for the places floor(x) - 1 to floor(x) + 2.
std::vector<double> cubic(double a, double s) {
  const auto far = [a](double d) { return a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a; };
  const auto near = [a](double d) { return (a + 2) * d * d * d - (a + 3) * d * d + 1; };
  return {far(1 + s), near(s), near(1 - s), far(2 - s)};
}

/// The filters as functions of a distance.
double filter(const Resizing& r, double d) {
  if (r.mode == "linear") return d < 1 ? 1 - d : 0;
  const double a = r.a;
  if (d < 1) return (a + 2) * d * d * d - (a + 3) * d * d + 1;
  return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
}

/// The weight of each input place in one output where the filter is stretched by 1 / scale. Places
/// outside count for the nearest end, or not at all.
std::vector<double> stretched_weights(const Resizing& r, const Axis& axis, double x) {
  std::vector<double> all(static_cast<size_t>(axis.in), 0);
  const double reach = 2 / axis.scale + 2;
  double sum = 0;
  for (double place = std::floor(x - reach); place <= x + reach; ++place) {
    const double last = static_cast<double>(axis.in) - 1;
    if (r.exclude && (place < 0 || place > last)) continue;
    const double weight = filter(r, std::fabs(place - x) * axis.scale);
    all[static_cast<size_t>(std::clamp(place, 0.0, last))] += weight;
    sum += weight;
  }
  for (double& weight : all) weight /= sum;
  return all;
}

/// The weight of each input place in one output.
std::vector<double> weights(const Resizing& r, const Axis& axis, double x) {
  if (r.antialias && axis.scale < 1) return stretched_weights(r, axis, x);
  std::vector<double> all(static_cast<size_t>(axis.in), 0);
  const double below = std::floor(x);
  double first = below;
  std::vector<double> taps = {1 - (x - below), x - below};
  if (r.mode == "nearest") first = nearest(r.nearest, x);
  if (r.mode == "nearest") taps = {1};
  if (r.mode == "cubic") first = below - 1;
  if (r.mode == "cubic") taps = cubic(r.a, x - below);
  double kept = 0;
  for (size_t k = 0; k < taps.size(); ++k) {
    const double place = first + static_cast<double>(k);
    const bool inside = place >= 0 && place < static_cast<double>(axis.in);
    if (r.exclude && !inside) continue;
    const double last = static_cast<double>(axis.in) - 1;
    all[static_cast<size_t>(std::clamp(place, 0.0, last))] += taps[k];
    kept += taps[k];
  }
  if (r.exclude) {
    for (double& weight : all) weight /= kept;
  }
  return all;
}

Array resized(const Resizing& r, Array x, const std::vector<Axis>& axes) {
  Shape outside_shape;
  for (const Axis& axis : axes) outside_shape.push_back(axis.out);
  Array outside(outside_shape);
  for (size_t i = 0; i < axes.size(); ++i) {
    Shape shape = x.shape();
    shape[i] = axes[i].out;
    x = Array::made(shape, [&](const Index& at) {
      const std::vector<double> all = weights(r, axes[i], original(r, axes[i], at[i]));
      double sum = 0;
      Index from = at;
      for (from[i] = 0; from[i] < axes[i].in; ++from[i]) {
        sum += all[static_cast<size_t>(from[i])] * x(from);
      }
      return sum;
    });
  }
  if (r.coordinates != "tf_crop_and_resize") return x;
  return Array::made(outside_shape, [&](const Index& at) {
    for (size_t i = 0; i < axes.size(); ++i) {
      const double place = original(r, axes[i], at[i]);
      if (place < 0 || place > static_cast<double>(axes[i].in) - 1) return r.extrapolated;
    }
    return x(at);
  });
}

Call call_of(const Resizing& r, const Tensor& x, const std::vector<Axis>& axes, bool by_scale) {
  const auto count = std::ssize(axes);
  Tensor scales(DType::f32, {by_scale ? count : 0});
  Tensor sizes(DType::i64, {by_scale ? 0 : count});
  Tensor roi(DType::f32, {2 * count});
  for (size_t i = 0; i < axes.size(); ++i) {
    if (by_scale) scales.mutable_data<float>()[i] = static_cast<float>(axes[i].scale);
    if (!by_scale) sizes.mutable_data<int64_t>()[i] = axes[i].out;
    roi.mutable_data<float>()[i] = static_cast<float>(axes[i].start);
    roi.mutable_data<float>()[i + axes.size()] = static_cast<float>(axes[i].end);
  }
  Call call{"Resize",
            {x, std::nullopt, scales, sizes},
            {{"mode", r.mode},
             {"coordinate_transformation_mode", r.coordinates},
             {"nearest_mode", r.nearest},
             {"cubic_coeff_a", static_cast<float>(r.a)},
             {"exclude_outside", int64_t{r.exclude}},
             {"extrapolation_value", static_cast<float>(r.extrapolated)}}};
  if (r.antialias) call.attributes["antialias"] = int64_t{1};
  if (by_scale) call.inputs.resize(3);
  if (r.coordinates == "tf_crop_and_resize") call.inputs[1] = roi;
  return call;
}

/// Either sizes or scales; the latter are quarters, so that float and double agree where they
/// round. Regions are eighths, and may reach outside.
std::vector<Axis> random_axes(Random& random, const Shape& shape, bool by_scale) {
  std::vector<Axis> axes;
  for (const int64_t in : shape) {
    Axis axis{in, in, 1};
    if (by_scale) {
      axis.scale = static_cast<double>(between(random, 1, 10)) / 4;
      axis.out = static_cast<int64_t>(std::floor(static_cast<double>(in) * axis.scale));
    } else if (in > 0) {
      axis.out = coin(random) ? in : between(random, 1, 2 * in + 1);
      axis.scale = static_cast<double>(axis.out) / static_cast<double>(in);
    }
    axis.start = static_cast<double>(between(random, -2, 5)) / 8;
    axis.end = axis.start + static_cast<double>(between(random, -2, 8)) / 8;
    axes.push_back(axis);
  }
  return axes;
}

const std::vector<std::string> coordinate_modes = {"half_pixel",         "half_pixel_symmetric",
                                                   "pytorch_half_pixel", "align_corners",
                                                   "asymmetric",         "tf_crop_and_resize"};

void expect_resized(uint64_t seed, const std::vector<Resizing>& kinds) {
  Random random(seed);
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    for (const Resizing& r : kinds) {
      for (const Shape& shape :
           {Shape{1}, Shape{7}, Shape{0, 3}, Shape{1, 2, 5, 3}, Shape{2, 1, 3, 1, 2}}) {
        const bool by_scale = coin(random);
        const std::vector<Axis> axes = random_axes(random, shape, by_scale);
        const Tensor x = random_tensor(random, dtype, shape);
        const Call call = call_of(r, x, axes, by_scale);
        SCOPED_TRACE(call.describe() + " " + r.mode + " " + r.coordinates + " " + r.nearest);
        expect_close(run(call)[0], dtype, resized(r, Array(x), axes), 4);
      }
    }
  }
}

TEST(ResizeOperators, Resize_Nearest) {
  std::vector<Resizing> kinds;
  for (const std::string& coordinates : coordinate_modes) {
    for (const std::string rounding :
         {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}) {
      kinds.push_back({"nearest", coordinates, rounding, -0.75, false, 2.5});
    }
  }
  expect_resized(110, kinds);
}

TEST(ResizeOperators, Resize_Linear) {
  std::vector<Resizing> kinds;
  for (const std::string& coordinates : coordinate_modes) {
    kinds.push_back({"linear", coordinates, "floor", -0.75, false, -1});
  }
  expect_resized(111, kinds);
}

TEST(ResizeOperators, Resize_Cubic) {
  std::vector<Resizing> kinds;
  for (const std::string& coordinates : coordinate_modes) {
    kinds.push_back({"cubic", coordinates, "floor", -0.75, false, 0.5});
    kinds.push_back({"cubic", coordinates, "floor", -0.5, false, 0.5});
    if (coordinates != "tf_crop_and_resize") {
      kinds.push_back({"cubic", coordinates, "floor", -0.5, true, 0});
    }
  }
  expect_resized(112, kinds);
}

TEST(ResizeOperators, Resize_NearestOfTensorFlow) {
  std::vector<Resizing> kinds;
  for (const char* rounding : {"floor", "round_prefer_ceil"}) {
    kinds.push_back({"nearest", "tf_half_pixel_for_nn", rounding});
  }
  expect_resized(114, kinds);
}

TEST(ResizeOperators, Resize_AgainstAliasing) {
  std::vector<Resizing> kinds;
  for (const char* mode : {"linear", "cubic"}) {
    for (const std::string& coordinates : coordinate_modes) {
      for (const bool exclude : {false, true}) {
        if (exclude && coordinates == "tf_crop_and_resize") continue;
        kinds.push_back({mode, coordinates, "floor", -0.5, exclude, 0.5, true});
      }
    }
  }
  expect_resized(115, kinds);
}

/// From ONNX's own examples of the operator.
TEST(ResizeOperators, Resize_AgainstAliasingAsOnnxDoes) {
  std::vector<float> numbers(16);
  for (size_t i = 0; i < 16; ++i) numbers[i] = static_cast<float>(i + 1);
  const Tensor x = Tensor::from<float>({4, 4}, numbers);
  const auto resized_by = [&](const char* mode) {
    const Tensor scales = Tensor::from<float>({2}, {0.6f, 0.6f});
    return run(
        {"Resize", {x, std::nullopt, scales}, {{"mode", mode}, {"antialias", int64_t{1}}}})[0];
  };
  expect_close(resized_by("linear"), DType::f32,
               Array(Tensor::from<float>({2, 2}, {2.875f, 4.5f, 9.375f, 11.0f})), 2);
  expect_close(resized_by("cubic"), DType::f32,
               Array(Tensor::from<float>({2, 2}, {2.5180721f, 4.2858863f, 9.589329f, 11.357142f})),
               2);
}

TEST(ResizeOperators, Resize_OfSomeAxesIsThatOfAll) {
  Random random(116);
  for (const char* coordinates : {"half_pixel", "tf_crop_and_resize"}) {
    for (const bool by_scale : {false, true}) {
      const Resizing r{"linear", coordinates};
      const Shape shape = {2, 5, 3, 4};
      std::vector<Axis> axes = random_axes(random, shape, by_scale);
      for (const size_t kept : {0u, 2u}) axes[kept] = {shape[kept], shape[kept], 1};
      const Tensor x = random_tensor(random, DType::f32, shape);
      // Listed backwards, the second from the end.
      Call call = call_of(r, x, {axes[3], axes[1]}, by_scale);
      call.attributes["axes"] = std::vector<int64_t>{-1, 1};
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], DType::f32, resized(r, Array(x), axes), 4);
    }
  }
}

TEST(ResizeOperators, Resize_KeepsTheAspectRatio) {
  Random random(117);
  for (int i = 0; i < 100; ++i) {
    const bool larger = coin(random);
    const Shape shape = {between(random, 1, 3), between(random, 1, 9), between(random, 1, 9)};
    const std::vector<int64_t> wanted = {between(random, 1, 12), between(random, 1, 12)};
    const std::vector<double> ratios = {
        static_cast<double>(wanted[0]) / static_cast<double>(shape[1]),
        static_cast<double>(wanted[1]) / static_cast<double>(shape[2])};
    const double scale = larger ? std::max(ratios[0], ratios[1]) : std::min(ratios[0], ratios[1]);
    std::vector<Axis> axes = {{shape[0], shape[0], 1}};
    for (size_t k = 1; k < 3; ++k) {
      const auto out = std::lround(scale * static_cast<double>(shape[k]));
      axes.push_back({shape[k], out, scale});
    }
    const Resizing r{"linear"};
    const Tensor x = random_tensor(random, DType::f32, shape);
    const Call call{"Resize",
                    {x, std::nullopt, std::nullopt, integers(wanted)},
                    {{"mode", "linear"},
                     {"axes", std::vector<int64_t>{1, 2}},
                     {"keep_aspect_ratio_policy", larger ? "not_smaller" : "not_larger"}}};
    SCOPED_TRACE(call.describe());
    expect_close(run(call)[0], DType::f32, resized(r, Array(x), axes), 4);
  }
}

TEST(ResizeOperators, Resize_DefaultsToNearest) {
  const Tensor x = Tensor::from<float>({4}, {1, 2, 3, 4});
  const Tensor scales = Tensor::from<float>({1}, {0.5f});
  EXPECT_EQ(Array(run({"Resize", {x, std::nullopt, scales}})[0]).values(),
            (std::vector<double>{1, 3}));
  // 10 * 0.7f is 7 in float, as exporters have it.
  const Tensor ten(DType::f32, {10});
  EXPECT_EQ(run({"Resize", {ten, std::nullopt, Tensor::from<float>({1}, {0.7f})}})[0].shape(),
            Shape{7});
}

TEST(ResizeOperators, Resize_OfIntegersTruncates) {
  Random random(113);
  for (const DType dtype : types_of("Resize")) {
    if (is_floating(dtype)) continue;
    for (const Resizing& r : {Resizing{"nearest"}, Resizing{"linear", "asymmetric"}}) {
      // Factors of two and four: the weights are exact.
      const std::vector<Axis> axes = {{3, 6, 2}, {2, 8, 4}};
      const Tensor x = random_tensor(random, dtype, {3, 2}, -100, 100);
      Array expected = resized(r, Array(x), axes);
      each_index(expected.shape(),
                 [&](const Index& at) { expected(at) = std::trunc(expected(at)); });
      expect_close(run(call_of(r, x, axes, true))[0], dtype, expected);
    }
  }
  const Tensor large = integers({9007199254740993});
  EXPECT_EQ(
      run({"Resize", {large, std::nullopt, std::nullopt, integers({2})}})[0].data<int64_t>()[1],
      9007199254740993);
}

TEST(ResizeOperators, Resize_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {2, 3});
  const auto scaled = [&](std::vector<float> scales, Attributes attributes = {}) {
    const Tensor given = Tensor::from<float>({std::ssize(scales)}, scales);
    return Call{"Resize", {x, std::nullopt, given}, std::move(attributes)};
  };
  const auto sized = [&](const std::vector<int64_t>& sizes) {
    return Call{"Resize", {x, std::nullopt, std::nullopt, integers(sizes)}};
  };
  const auto text = [](const char* key, const char* value) {
    return Attributes{{key, std::string(value)}};
  };
  expect_refused({"Resize", {x}}, "neither");
  Call both = sized({2, 3});
  both.inputs[2] = Tensor::from<float>({2}, {1, 1});
  expect_refused(both, "both");
  expect_refused(scaled({1}), "input 2 is");
  expect_refused(scaled({1, 0}), "scale 1 is");
  expect_refused(scaled({-1, 1}), "scale 0 is");
  expect_refused(scaled({std::nanf(""), 1}), "scale 0 is");
  expect_refused(scaled({1, 1e30f}), "scale 1 is");
  expect_refused(sized({2}), "input 3 is");
  expect_refused(sized({2, 0}), "a size is 0");
  expect_refused(sized({2, int64_t{1} << 40}), "a size is");
  expect_refused(sized({1 << 22, 1 << 22}), "absurdly large");
  expect_refused(scaled({1, 1}, text("mode", "area")), "area");
  expect_refused(scaled({1, 1}, text("nearest_mode", "round")), "round");
  expect_refused(scaled({1, 1}, text("coordinate_transformation_mode", "tf")), "tf");
  expect_refused(scaled({1, 1}, text("coordinate_transformation_mode", "tf_crop_and_resize")),
                 "input 1");
  expect_refused(scaled({1, 1}, {{"exclude_outside", int64_t{2}}}), "exclude_outside");
  expect_refused(scaled({1, 1}, {{"antialias", int64_t{2}}}), "antialias");
  expect_refused(scaled({1, 1}, text("keep_aspect_ratio_policy", "fit")), "fit");
  expect_refused(scaled({1, 1}, {{"axes", std::vector<int64_t>{1}}}), "input 2 is");
  expect_refused(scaled({1, 1}, {{"axes", std::vector<int64_t>{1, -1}}}), "given twice");
  expect_refused(scaled({1, 1}, {{"axes", std::vector<int64_t>{1, 2}}}), "axis 2");
  expect_refused({"Resize", {x, std::nullopt, Tensor(DType::f64, {2})}}, "input 2 is float64");
  Call computed = scaled({1, 1});
  computed.computed = {2};
  expect_refused(computed, "the scales");
  expect_refused(
      {"Resize", {Tensor(DType::f32, {0, 1}), std::nullopt, std::nullopt, integers({1, 1})}},
      "no elements");
  expect_refused(
      {"Resize", {Tensor(DType::boolean, {1}), std::nullopt, Tensor::from<float>({1}, {1.0f})}},
      "input 0 is bool");
}

}  // namespace
}  // namespace betimes::graph

// RoiAlign: means and maxima over points of each bin, every point a tent over all pixels.
// MaxRoiPool: maxima over the pixels of each bin.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Settings {
  int64_t height = 1, width = 1, samples = 0;
  double scale = 1;
  bool half_pixel = true, maximum = false;
};

double tent(double x, int64_t i, int64_t n) {
  x = std::min(std::max(x, 0.0), static_cast<double>(n - 1));
  return std::max(0.0, 1 - std::fabs(x - static_cast<double>(i)));
}

/// Mean over the points of one bin, or the largest single weighted pixel of any of them.
double bin(const Array& x, int64_t n, int64_t c, const Array& box, int64_t r, int64_t oy,
           int64_t ox, const Settings& s) {
  const double shift = s.half_pixel ? 0.5 : 0;
  const double left = box({r, 0}) * s.scale - shift;
  const double top = box({r, 1}) * s.scale - shift;
  double width = box({r, 2}) * s.scale - shift - left;
  double height = box({r, 3}) * s.scale - shift - top;
  if (!s.half_pixel) {
    width = std::max(width, 1.0);
    height = std::max(height, 1.0);
  }
  width /= static_cast<double>(s.width);
  height /= static_cast<double>(s.height);
  const auto rows = s.samples > 0 ? s.samples : static_cast<int64_t>(std::ceil(height));
  const auto columns = s.samples > 0 ? s.samples : static_cast<int64_t>(std::ceil(width));
  double sum = 0;
  double largest = -1e300;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t k = 0; k < columns; ++k) {
      const double py = top + height * (static_cast<double>(oy) +
                                        (static_cast<double>(i) + 0.5) / static_cast<double>(rows));
      const double px = left + width * (static_cast<double>(ox) + (static_cast<double>(k) + 0.5) /
                                                                      static_cast<double>(columns));
      const bool outside = py < -1 || py > static_cast<double>(x.extent(2)) || px < -1 ||
                           px > static_cast<double>(x.extent(3));
      if (outside) largest = std::max(largest, 0.0);
      for (int64_t y = 0; !outside && y < x.extent(2); ++y) {
        for (int64_t z = 0; z < x.extent(3); ++z) {
          const double part = tent(py, y, x.extent(2)) * tent(px, z, x.extent(3)) * x({n, c, y, z});
          sum += part;
          // Pixels that the point doesn't lie between don't take part.
          if (tent(py, y, x.extent(2)) * tent(px, z, x.extent(3)) > 0) {
            largest = std::max(largest, part);
          }
        }
      }
    }
  }
  if (rows * columns == 0) return 0;
  return s.maximum ? largest : sum / static_cast<double>(rows * columns);
}

TEST(RoiAlignOperators, RoiAlign_PoolsPointsOfEachBin) {
  Random random(140);
  for (const DType dtype : types_of("RoiAlign")) {
    for (int round = 0; round < 24; ++round) {
      Settings s;
      s.height = between(random, 1, 3);
      s.width = between(random, 1, 3);
      s.samples = between(random, 0, 3);
      s.scale = coin(random) ? 1 : 0.5;
      s.half_pixel = coin(random);
      s.maximum = random.below(3) == 0;
      const int64_t regions = between(random, 0, 4);
      const Shape shape = {between(random, 1, 3), between(random, 1, 3), between(random, 1, 9),
                           between(random, 1, 9)};
      // Positive, so that in a maximum no neighbour of weight 0 counts.
      const Tensor x = random_tensor(random, dtype, shape, 0.5, 2);
      Tensor boxes(DType::f64, {regions, 4});
      for (int64_t r = 0; r < regions; ++r) {
        double* box = boxes.mutable_data<double>().data() + 4 * r;
        box[0] = random.uniform(-4, 8);
        box[1] = random.uniform(-4, 8);
        box[2] = box[0] + random.uniform(0.1, 12);
        box[3] = box[1] + random.uniform(0.1, 12);
      }
      boxes = boxes.cast(dtype);
      std::vector<int64_t> images;
      for (int64_t r = 0; r < regions; ++r) images.push_back(between(random, 0, shape[0] - 1));
      const Call call{"RoiAlign",
                      {x, boxes, integers(images)},
                      {{"output_height", s.height},
                       {"output_width", s.width},
                       {"sampling_ratio", s.samples},
                       {"spatial_scale", static_cast<float>(s.scale)},
                       {"mode", std::string(s.maximum ? "max" : "avg")},
                       {"coordinate_transformation_mode",
                        std::string(s.half_pixel ? "half_pixel" : "output_half_pixel")}}};
      SCOPED_TRACE(call.describe());
      const Array values(x);
      const Array corners(boxes);
      const Array expected =
          Array::made({regions, shape[1], s.height, s.width}, [&](const Index& at) {
            return bin(values, images[static_cast<size_t>(at[0])], at[1], corners, at[0], at[2],
                       at[3], s);
          });
      expect_close(run(call)[0], dtype, expected, 4);
    }
  }
}

TEST(RoiAlignOperators, RoiAlign_SurvivesRegionsThatMakeNoSense) {
  const Tensor x(DType::f32, {1, 1, 4, 4});
  const std::vector<float> boxes = {NAN, NAN, NAN, NAN, 3, 3, 1, 1, -INFINITY, 0, INFINITY, 1e30f};
  const Tensor found =
      run({"RoiAlign", {x, Tensor::from<float>({3, 4}, boxes), integers({0, 0, 0})}})[0];
  EXPECT_EQ(found.shape(), (Shape{3, 1, 1, 1}));
  EXPECT_THROW(run({"RoiAlign", {x, Tensor(DType::f32, {1, 4}), integers({1})}}), Error);
}

TEST(RoiAlignOperators, RoiAlign_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {1, 1, 4, 4});
  const Tensor boxes(DType::f32, {2, 4});
  EXPECT_NO_THROW(run({"RoiAlign", {x, boxes, integers({0, 0})}}));
  expect_refused({"RoiAlign", {x, Tensor(DType::f32, {2, 5}), integers({0, 0})}}, "input 1");
  expect_refused({"RoiAlign", {x, boxes, integers({0})}}, "input 2");
  expect_refused({"RoiAlign", {x, boxes, integers({0, 0})}, {{"output_width", int64_t{0}}}},
                 "output_width");
  expect_refused({"RoiAlign", {x, boxes, integers({0, 0})}, {{"mode", std::string("sum")}}}, "sum");
}

/// Whether pixel i lies in bin `bin` of `bins` of the region from..to.
bool in_bin(int64_t i, double from, double to, int64_t bin, int64_t bins) {
  const auto first = static_cast<int64_t>(std::round(from));
  const auto last = static_cast<int64_t>(std::round(to));
  const int64_t length = std::max<int64_t>(last - first + 1, 1);
  // A bin begins where its share of the length does, rounded down, and ends rounded up.
  return (i - first + 1) * bins > bin * length && (i - first) * bins < (bin + 1) * length;
}

TEST(RoiAlignOperators, MaxRoiPool_TakesTheLargestOfEachBin) {
  Random random(121);
  for (const DType dtype : types_of("MaxRoiPool")) {
    for (int i = 0; i < 40; ++i) {
      const Shape shape = {between(random, 1, 3), between(random, 1, 3), between(random, 1, 9),
                           between(random, 1, 9)};
      const int64_t regions = between(random, 0, 4);
      const int64_t height = between(random, 1, 4);
      const int64_t width = between(random, 1, 4);
      const double scale = coin(random) ? 1 : 0.5;
      const Tensor x = random_tensor(random, dtype, shape);
      Tensor boxes(DType::f64, {regions, 5});
      for (int64_t r = 0; r < regions; ++r) {
        double* box = boxes.mutable_data<double>().data() + 5 * r;
        box[0] = static_cast<double>(between(random, 0, shape[0] - 1));
        for (int k = 1; k < 5; ++k) box[k] = random.uniform(-4, 14);
      }
      boxes = boxes.cast(dtype);
      const Array values(x);
      const Array box(boxes);
      const Array expected = Array::made({regions, shape[1], height, width}, [&](const Index& at) {
        double largest = -infinity;
        each_index({shape[2], shape[3]}, [&](const Index& pixel) {
          const auto side = [&](int64_t k) { return box({at[0], k}) * scale; };
          if (in_bin(pixel[0], side(2), side(4), at[2], height) &&
              in_bin(pixel[1], side(1), side(3), at[3], width)) {
            const auto n = static_cast<int64_t>(box({at[0], 0}));
            largest = std::max(largest, values({n, at[1], pixel[0], pixel[1]}));
          }
        });
        return largest == -infinity ? 0 : largest;
      });
      const Call call{"MaxRoiPool",
                      {x, boxes},
                      {{"pooled_shape", std::vector<int64_t>{height, width}},
                       {"spatial_scale", static_cast<float>(scale)}}};
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, expected);
    }
  }
}

TEST(RoiAlignOperators, MaxRoiPool_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {1, 1, 4, 4});
  const auto with = [&](const std::vector<float>& box, const std::vector<int64_t>& pooled) {
    const auto count = std::ssize(box);
    return Call{
        "MaxRoiPool", {x, Tensor::from<float>({1, count}, box)}, {{"pooled_shape", pooled}}};
  };
  EXPECT_NO_THROW(run(with({0, NAN, -INFINITY, INFINITY, 1e30f}, {2, 3})));
  EXPECT_THROW(run(with({1, 0, 0, 1, 1}, {2, 3})), Error);
  expect_refused(with({0, 0, 0, 1}, {2, 3}), "input 1");
  expect_refused(with({0, 0, 0, 1, 1}, {2}), "pooled_shape");
  expect_refused(with({0, 0, 0, 1, 1}, {2, 0}), "a pooled extent");
}

}  // namespace
}  // namespace betimes::graph

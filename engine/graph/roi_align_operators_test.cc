// RoiAlign: means and maxima over points of each bin, every point a tent over all pixels.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

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

}  // namespace
}  // namespace betimes::graph

// GridSample: sums over an image that goes on for ever, continued as the padding mode says.
// AffineGrid: the map of each point.
#include <gtest/gtest.h>

#include <cmath>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

struct Settings {
  std::string mode, padding;
  bool corners = false;
};

/// Pixel `i` of an axis of n that goes on for ever; -1: zero.
int64_t continued(int64_t i, int64_t n, const Settings& s) {
  if (i >= 0 && i < n) return i;
  if (s.padding == "zeros") return -1;
  if (s.padding == "border") return i < 0 ? 0 : n - 1;
  if (s.corners && n == 1) return 0;
  const int64_t period = s.corners ? 2 * (n - 1) : 2 * n;
  const int64_t place = ((i % period) + period) % period;
  return place < n ? place : (s.corners ? period : period - 1) - place;
}

/// What pixel `i` counts for at position x.
double weight(int64_t i, double x, const Settings& s) {
  const double d = std::fabs(x - static_cast<double>(i));
  if (s.mode == "nearest") return static_cast<double>(i) == std::nearbyint(x) ? 1 : 0;
  if (s.mode == "bilinear") return d < 1 ? 1 - d : 0;
  // Keys (1981), a = -3/4.
  if (d <= 1) return 1.25 * d * d * d - 2.25 * d * d + 1;
  return d < 2 ? -0.75 * d * d * d + 3.75 * d * d - 6 * d + 3 : 0;
}

double position(double coordinate, int64_t n, bool corners) {
  const auto extent = static_cast<double>(n);
  return corners ? (coordinate + 1) / 2 * (extent - 1) : ((coordinate + 1) * extent - 1) / 2;
}

/// Sums over what surrounds `point`, which has a coordinate for each axis from `at.size()` on.
double sampled(const Array& x, const Index& at, const std::vector<double>& point,
               const Settings& s) {
  const size_t axis = at.size();
  if (axis == x.shape().size()) return x(at);
  const double p = point[axis - 2];
  double sum = 0;
  for (auto i = static_cast<int64_t>(std::floor(p)) - 2; i <= std::ceil(p) + 2; ++i) {
    Index inner = at;
    inner.push_back(continued(i, x.extent(axis), s));
    if (inner.back() >= 0 && weight(i, p, s) != 0) {
      sum += weight(i, p, s) * sampled(x, inner, point, s);
    }
  }
  return sum;
}

void expect_sampled(Random& random, DType dtype, size_t spatial, const Settings& s) {
  Shape shape = {between(random, 1, 2), between(random, 0, 3)};
  Shape points = {shape[0]};
  Shape out = shape;
  for (size_t i = 0; i < spatial; ++i) {
    shape.push_back(between(random, 1, spatial == 3 ? 4 : 7));
    points.push_back(between(random, 1, 4));
    out.push_back(points.back());
  }
  points.push_back(static_cast<int64_t>(spatial));
  const Tensor x = random_tensor(random, dtype, shape, -1, 1);
  // Far outside too.
  const Tensor grid = random_tensor(random, DType::f32, points, -2.6, 2.6);
  const Call call{
      "GridSample",
      {x, grid},
      {{"mode", s.mode}, {"padding_mode", s.padding}, {"align_corners", int64_t{s.corners}}}};
  SCOPED_TRACE(call.describe() + " " + s.mode + " " + s.padding + (s.corners ? " corners" : ""));
  const Array values(x);
  const Array given(grid);
  const Array expected = Array::made(out, [&](const Index& at) {
    Index place = {at[0]};
    place.insert(place.end(), at.begin() + 2, at.end());
    place.push_back(0);
    std::vector<double> point(spatial);
    for (size_t i = 0; i < spatial; ++i) {
      // The innermost axis comes first in the grid.
      place.back() = static_cast<int64_t>(spatial - 1 - i);
      point[i] = position(given(place), shape[2 + i], s.corners);
    }
    return sampled(values, {at[0], at[1]}, point, s);
  });
  expect_close(run(call)[0], dtype, expected, 8);
}

TEST(GridSampleOperators, GridSample_MixesTheNeighboursOfEachPoint) {
  Random random(130);
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    for (const std::string mode : {"bilinear", "nearest", "bicubic"}) {
      for (const std::string padding : {"zeros", "border", "reflection"}) {
        for (const bool corners : {false, true}) {
          for (const size_t spatial : {1u, 2u, 3u}) {
            expect_sampled(random, dtype, spatial, {mode, padding, corners});
          }
        }
      }
    }
  }
}

TEST(GridSampleOperators, GridSample_SurvivesPointsThatAreNowhere) {
  const Tensor x = Tensor::from<float>({1, 1, 2, 2}, std::vector<float>{1, 2, 3, 4});
  const std::vector<float> far = {NAN, 0, INFINITY, 0, -INFINITY, NAN, 1e30f, -1e30f};
  for (const std::string padding : {"zeros", "border", "reflection"}) {
    for (const std::string mode : {"bilinear", "nearest", "bicubic"}) {
      const Call call{"GridSample",
                      {x, Tensor::from<float>({1, 1, 4, 2}, far)},
                      {{"mode", mode}, {"padding_mode", padding}}};
      const Array found(run(call)[0]);
      for (const double value : found.values()) EXPECT_LE(std::fabs(value), 10);
    }
  }
}

TEST(GridSampleOperators, GridSample_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {1, 1, 2, 2});
  const Tensor grid(DType::f32, {1, 3, 3, 2});
  EXPECT_NO_THROW(run({"GridSample", {x, grid}}));
  expect_refused({"GridSample", {Tensor(DType::f32, {1, 2, 2}), grid}}, "input 1");
  expect_refused({"GridSample", {Tensor(DType::f32, {1, 2}), Tensor(DType::f32, {1, 2})}},
                 "input 0");
  expect_refused({"GridSample", {x, Tensor(DType::f32, {2, 3, 3, 2})}}, "input 1");
  expect_refused({"GridSample", {x, Tensor(DType::f32, {1, 3, 3, 3})}}, "input 1");
  expect_refused({"GridSample", {x, grid}, {{"mode", std::string("cubic")}}}, "mode");
  expect_refused({"GridSample", {x, grid}, {{"padding_mode", std::string("wrap")}}}, "padding");
}

/// Element i of n, from -1 to 1.
double grid_coordinate(int64_t i, int64_t n, bool corners) {
  const auto at = static_cast<double>(i);
  const auto extent = static_cast<double>(n);
  if (!corners) return (at + 0.5) / extent * 2 - 1;
  return n == 1 ? 0 : at / (extent - 1) * 2 - 1;
}

TEST(GridSampleOperators, AffineGrid_MapsEachPoint) {
  Random random(131);
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    for (int i = 0; i < 24; ++i) {
      const int64_t spatial = coin(random) ? 2 : 3;
      const bool corners = coin(random);
      Shape shape = {between(random, 0, 3)};
      std::vector<int64_t> size = {shape[0], 5};
      for (int64_t k = 0; k < spatial; ++k) {
        size.push_back(between(random, 1, 5));
        shape.push_back(size.back());
      }
      shape.push_back(spatial);
      const Tensor theta = random_tensor(random, dtype, {shape[0], spatial, spatial + 1}, -1, 1);
      const Array map(theta);
      const Array expected = Array::made(shape, [&](const Index& at) {
        double sum = map({at[0], at.back(), spatial});
        for (int64_t k = 0; k < spatial; ++k) {
          // Column 0 is for the innermost axis.
          const auto axis = static_cast<size_t>(spatial - k);
          sum += map({at[0], at.back(), k}) * grid_coordinate(at[axis], shape[axis], corners);
        }
        return sum;
      });
      const Call call{"AffineGrid", {theta, integers(size)}, {{"align_corners", int64_t{corners}}}};
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, expected, 2);
    }
  }
}

TEST(GridSampleOperators, AffineGrid_RefusesWhatDoesNotFit) {
  const Tensor theta(DType::f32, {2, 2, 3});
  EXPECT_NO_THROW(run({"AffineGrid", {theta, integers({2, 1, 3, 4})}}));
  expect_refused({"AffineGrid", {theta, integers({2, 1, 3})}}, "3 numbers");
  expect_refused({"AffineGrid", {theta, integers({2, 1, 3, 4, 5})}}, "input 0");
  expect_refused({"AffineGrid", {theta, integers({1, 1, 3, 4})}}, "input 0");
  expect_refused({"AffineGrid", {theta, integers({2, 1, -3, 4})}}, "an extent is -3");
  expect_refused({"AffineGrid", {theta, integers({2, 1, 3, 4})}, {{"align_corners", int64_t{2}}}},
                 "align_corners");
}

}  // namespace
}  // namespace betimes::graph

// GridSample: sums over an image that goes on for ever, continued as the padding mode says.
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

double sampled(const Array& x, int64_t n, int64_t c, double px, double py, const Settings& s) {
  double sum = 0;
  for (int64_t i = static_cast<int64_t>(std::floor(py)) - 2; i <= std::ceil(py) + 2; ++i) {
    for (int64_t k = static_cast<int64_t>(std::floor(px)) - 2; k <= std::ceil(px) + 2; ++k) {
      const int64_t row = continued(i, x.extent(2), s);
      const int64_t column = continued(k, x.extent(3), s);
      if (row < 0 || column < 0) continue;
      sum += weight(i, py, s) * weight(k, px, s) * x({n, c, row, column});
    }
  }
  return sum;
}

TEST(GridSampleOperators, GridSample_MixesTheNeighboursOfEachPoint) {
  Random random(130);
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    for (const std::string mode : {"bilinear", "nearest", "bicubic"}) {
      for (const std::string padding : {"zeros", "border", "reflection"}) {
        for (const bool corners : {false, true}) {
          const Shape shape = {between(random, 1, 2), between(random, 0, 3), between(random, 1, 7),
                               between(random, 1, 7)};
          const Tensor x = random_tensor(random, dtype, shape, -1, 1);
          // Far outside too.
          const Tensor grid = random_tensor(random, DType::f32, {shape[0], 3, 5, 2}, -2.6, 2.6);
          const Settings s{mode, padding, corners};
          const Call call{
              "GridSample",
              {x, grid},
              {{"mode", mode}, {"padding_mode", padding}, {"align_corners", int64_t{corners}}}};
          SCOPED_TRACE(call.describe() + " " + mode + " " + padding + (corners ? " corners" : ""));
          const Array values(x);
          const Array points(grid);
          const Array expected = Array::made({shape[0], shape[1], 3, 5}, [&](const Index& at) {
            const double px = position(points({at[0], at[2], at[3], 0}), shape[3], corners);
            const double py = position(points({at[0], at[2], at[3], 1}), shape[2], corners);
            return sampled(values, at[0], at[1], px, py, s);
          });
          expect_close(run(call)[0], dtype, expected, 8);
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
  expect_refused({"GridSample", {Tensor(DType::f32, {1, 2, 2}), grid}}, "input 0");
  expect_refused({"GridSample", {x, Tensor(DType::f32, {2, 3, 3, 2})}}, "input 1");
  expect_refused({"GridSample", {x, Tensor(DType::f32, {1, 3, 3, 3})}}, "input 1");
  expect_refused({"GridSample", {x, grid}, {{"mode", std::string("cubic")}}}, "mode");
  expect_refused({"GridSample", {x, grid}, {{"padding_mode", std::string("wrap")}}}, "padding");
}

}  // namespace
}  // namespace betimes::graph

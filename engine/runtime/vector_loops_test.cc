#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/kernels/vector/loops.h"

// The loops of every level against their definitions in double.

namespace betimes::runtime {
namespace {

/// Runs the loop over a row of every length up to 70 and some longer ones.
template <class Loop, class Expected>
void check_rows(const Loop& loop, double tolerance, const Expected& expected, float size = 4) {
  for (int64_t count = 1; count < 1100; count += count < 70 ? 1 : 331) {
    const Tensor in = testing::random_tensor({count}, static_cast<uint32_t>(count), -size, size);
    Tensor out(DType::f32, {count}), right(DType::f64, {count});
    loop(in.data<float>().data(), out.mutable_data<float>().data(), count);
    std::vector<double> x(in.data<float>().begin(), in.data<float>().end());
    expected(x, right.mutable_data<double>());
    EXPECT_LE(testing::relative_error(out, right), tolerance) << count << " numbers";
  }
}

void softmax_of(const std::vector<double>& x, std::span<double> y, bool logarithm) {
  const double top = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double v : x) sum += std::exp(v - top);
  for (size_t i = 0; i < x.size(); ++i) {
    y[i] = logarithm ? x[i] - top - std::log(sum) : std::exp(x[i] - top) / sum;
  }
}

TEST(VectorLoops, SoftmaxOfEveryLevelAgreesWithTheDefinition) {
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    const auto shares = [](const auto& x, auto y) { softmax_of(x, y, false); };
    const auto logarithms = [](const auto& x, auto y) { softmax_of(x, y, true); };
    for (const float size : {4.0f, 200.0f}) {
      check_rows(loops->softmax, 1e-6, shares, size);
      check_rows(loops->log_softmax, 1e-6, logarithms, size);
    }
  }
}

TEST(VectorLoops, SoftmaxOfNarrowRowsIsThatOfEachRow) {
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    for (int64_t count = 1; count <= Loops::most_narrow; ++count) {
      for (const int64_t rows : {1, 3, 15, 16, 17, 64, 131}) {
        Tensor x = testing::random_tensor({rows, count}, static_cast<uint32_t>(rows), -20, 20);
        Tensor right(DType::f64, {rows, count});
        for (int64_t row = 0; row < rows; ++row) {
          const auto at = static_cast<size_t>(row * count), n = static_cast<size_t>(count);
          const auto from = x.data<float>().subspan(at, n);
          softmax_of({from.begin(), from.end()}, right.mutable_data<double>().subspan(at, n),
                     false);
        }
        float* data = x.mutable_data<float>().data();
        loops->softmax_narrow(data, data, rows, count);  // in place, as plans do it
        EXPECT_LE(testing::relative_error(x, right), 1e-6) << rows << " x " << count;
      }
    }
    float row[] = {-INFINITY, 1, 1, -INFINITY, NAN, 0, 0, 0};
    loops->softmax_narrow(row, row, 2, 4);
    EXPECT_EQ(row[0], 0);
    EXPECT_EQ(row[1], 0.5f);
    EXPECT_TRUE(std::isnan(row[4]) && std::isnan(row[7]));
  }
}

TEST(VectorLoops, SoftmaxGivesMaskedPlacesExactlyNothing) {
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    std::vector<float> row(37, -INFINITY), out(37);
    row[5] = 1;
    row[36] = 1;
    loops->softmax(row.data(), out.data(), 37);
    for (size_t i = 0; i < 37; ++i) EXPECT_EQ(out[i], i == 5 || i == 36 ? 0.5f : 0.0f);
    row[7] = NAN;
    loops->softmax(row.data(), out.data(), 37);
    EXPECT_TRUE(std::isnan(out[0]) && std::isnan(out[36]));
  }
}

TEST(VectorLoops, GeluOfEveryLevelAgreesWithTheDefinition) {
  using Kind = graph::Activation::Kind;
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    for (const Kind kind : {Kind::gelu, Kind::gelu_tanh}) {
      const auto loop = [&](const float* in, float* out, int64_t count) {
        loops->activate({kind}, in, out, count);
      };
      const auto right = [&](const std::vector<double>& x, std::span<double> y) {
        for (size_t i = 0; i < x.size(); ++i) {
          const double u = std::sqrt(2 / M_PI) * (x[i] + 0.044715 * x[i] * x[i] * x[i]);
          y[i] = kind == Kind::gelu ? x[i] * std::erfc(-x[i] / std::sqrt(2.0)) / 2
                                    : x[i] / (1 + std::exp(-2 * u));
        }
      };
      for (const float size : {0.1f, 4.0f, 30.0f}) check_rows(loop, 5e-6, right, size);
    }
    // The negative side keeps its digits and its zero; infinities and NaN are what they should be.
    const std::vector<float> in = {-5, -13, -1e30f, INFINITY, NAN, 0};
    std::vector<float> out(in.size());
    loops->activate({Kind::gelu}, in.data(), out.data(), 6);
    EXPECT_NEAR(out[0], -1.43325786e-6, 2e-12);
    EXPECT_NEAR(out[1], 0, 1e-30);
    EXPECT_NEAR(out[2], 0, 1e-30);
    EXPECT_EQ(out[3], INFINITY);
    EXPECT_TRUE(std::isnan(out[4]));
    EXPECT_EQ(out[5], 0);
  }
}

TEST(VectorLoops, ActivationsOfEveryLevelAgreeWithTheirDefinition) {
  using Kind = graph::Activation::Kind;
  for (const Loops* loops : all_loops()) {
    for (int kind = 0; kind <= static_cast<int>(Kind::reciprocal); ++kind) {
      const graph::Activation f{static_cast<Kind>(kind), 0.3f, 0.9f};
      SCOPED_TRACE(std::string(loops->level) + " " + std::string(name(f.kind)));
      const auto loop = [&](const float* in, float* out, int64_t count) {
        loops->activate(f, in, out, count);
      };
      check_rows(loop, 5e-6, [&](const std::vector<double>& x, std::span<double> y) {
        for (size_t i = 0; i < x.size(); ++i)
          y[i] = static_cast<double>(f(static_cast<float>(x[i])));
      });
    }
  }
}

TEST(VectorLoops, ExponentialsOverflowAndVanishWhereTheyShould) {
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    const std::vector<float> in = {88.5f, 89, 1000, -104, -1000, INFINITY, -INFINITY, NAN, 0};
    std::vector<float> out(in.size());
    loops->activate({graph::Activation::Kind::exponential}, in.data(), out.data(), 9);
    EXPECT_NEAR(out[0] / 2.723088e38f, 1, 1e-5);
    for (const size_t i : {1, 2, 5}) EXPECT_EQ(out[i], INFINITY) << in[i];
    for (const size_t i : {3, 4, 6}) EXPECT_LT(out[i], 1e-44f) << in[i];
    EXPECT_TRUE(std::isnan(out[7]));
    EXPECT_EQ(out[8], 1);
  }
}

TEST(VectorLoops, FoldsOfRowsAgreeWithTheDefinitionAtEveryWidth) {
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    for (int64_t columns = 1; columns < 200; columns += columns < 70 ? 1 : 43) {
      for (const int64_t rows : {0, 1, 3, 4, 7, 130}) {
        const Tensor in = testing::random_tensor({rows, columns}, static_cast<uint32_t>(columns));
        std::vector<float> out(static_cast<size_t>(columns));
        for (const Fold fold : {Fold::sum, Fold::sum_of_squares, Fold::largest, Fold::smallest}) {
          loops->fold_rows(fold, in.data<float>().data(), out.data(), rows, columns);
          for (int64_t c = 0; c < columns; ++c) {
            double right = fold == Fold::largest    ? -INFINITY
                           : fold == Fold::smallest ? INFINITY
                                                    : 0;
            for (int64_t r = 0; r < rows; ++r) {
              const double x = double{in.data<float>()[static_cast<size_t>(r * columns + c)]};
              right = fold == Fold::largest    ? std::max(right, x)
                      : fold == Fold::smallest ? std::min(right, x)
                      : fold == Fold::sum      ? right + x
                                               : right + x * x;
            }
            const double found = double{out[static_cast<size_t>(c)]};
            if (std::isinf(right)) {
              EXPECT_EQ(found, right);
            } else {
              ASSERT_NEAR(found, right, 1e-4) << rows << " x " << columns;
            }
          }
        }
      }
    }
  }
}

/// Pooling of one image by its definition: the values of each window that lie inside.
template <class T, class Fold>
std::vector<double> pooled(const ConvolutionShape& s, std::span<const T> in, const Fold& fold) {
  std::vector<double> out;
  for (int64_t y = 0; y < s.out_height; ++y) {
    for (int64_t x = 0; x < s.out_width; ++x) {
      for (int64_t c = 0; c < s.in_channels; ++c) {
        std::vector<double> window;
        for (int64_t ky = 0; ky < s.kernel_height; ++ky) {
          for (int64_t kx = 0; kx < s.kernel_width; ++kx) {
            const int64_t row = y * s.stride_height - s.pad_top + ky;
            const int64_t column = x * s.stride_width - s.pad_left + kx;
            if (row < 0 || row >= s.in_height || column < 0 || column >= s.in_width) continue;
            window.push_back(static_cast<double>(
                in[static_cast<size_t>((row * s.in_width + column) * s.in_channels + c)]));
          }
        }
        out.push_back(fold(window));
      }
    }
  }
  return out;
}

TEST(VectorLoops, PoolingAgreesWithTheDefinitionAtEveryNumberOfChannels) {
  ConvolutionShape s;
  s.in_height = 7;
  s.in_width = 6;
  s.out_height = 4;
  s.out_width = 3;
  s.kernel_height = s.kernel_width = 3;
  s.stride_height = s.stride_width = 2;
  s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = 1;
  const auto largest = [](const auto& window) { return *std::ranges::max_element(window); };
  const auto mean = [](const auto& window) {
    return std::accumulate(window.begin(), window.end(), 0.0) / static_cast<double>(window.size());
  };
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    for (int64_t channels = 1; channels < 150; channels += channels < 40 ? 1 : 31) {
      s.in_channels = s.out_channels = channels;
      const Tensor in = testing::random_tensor({s.in_height, s.in_width, channels}, 5);
      const auto floats = in.data<float>();
      std::vector<uint8_t> bytes;
      for (const float each : floats) bytes.push_back(static_cast<uint8_t>(128 + 100 * each));
      std::vector<float> out(static_cast<size_t>(s.out_height * s.out_width * channels));
      std::vector<uint8_t> out_bytes(out.size());
      loops->max_pool_f32(s, floats.data(), out.data(), 0, s.out_height);
      EXPECT_TRUE(std::ranges::equal(out, pooled(s, floats, largest)));
      loops->max_pool_u8(s, bytes.data(), out_bytes.data(), 0, s.out_height);
      EXPECT_TRUE(
          std::ranges::equal(out_bytes, pooled(s, std::span<const uint8_t>(bytes), largest)));
      loops->average_pool(s, false, floats.data(), out.data(), 0, s.out_height);
      const auto right = pooled(s, floats, mean);
      for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(double{out[i]}, right[i], 1e-6);
    }
  }
}

}  // namespace
}  // namespace betimes::runtime

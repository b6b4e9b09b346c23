#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>

#include "betimes/graph/detail/fourier.h"
#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;
using Complex = std::complex<double>;

/// The definition: a sum for each frequency.
std::vector<Complex> transform(const std::vector<Complex>& x, bool inverse = false) {
  const size_t n = x.size();
  std::vector<Complex> y(n);
  for (size_t j = 0; j < n; ++j) {
    for (size_t k = 0; k < n; ++k) {
      const double turn = 2 * std::numbers::pi * static_cast<double>(j * k % n) / double(n);
      y[j] += x[k] * std::polar(1.0, inverse ? turn : -turn);
    }
    if (inverse) y[j] /= double(n);
  }
  return y;
}

Tensor whole(int64_t value) { return Tensor::scalar(value); }

TEST(Fourier, IsItsDefinitionAtEveryLength) {
  for (const int64_t n : {1, 2, 3, 4, 5, 7, 8, 12, 16, 31, 60, 64, 97, 128, 210}) {
    for (const bool inverse : {false, true}) {
      std::vector<Complex> x(static_cast<size_t>(n));
      for (size_t k = 0; k < x.size(); ++k)
        x[k] = {std::sin(3.0 + double(k * k)), std::cos(double(k))};
      const auto expected = transform(x, inverse);
      detail::Fourier(n).transform(x, inverse);
      for (size_t k = 0; k < x.size(); ++k) {
        EXPECT_LE(std::abs(x[k] - expected[k]), 1e-12 * double(n)) << n << " at " << k;
      }
    }
  }
}

TEST(FourierOperators, DFT_AlongAnyAxis) {
  Random random(150);
  for (const int64_t parts : {1, 2}) {
    for (const int64_t axis : {0, 1, 2, -2}) {
      for (const int64_t length : {0, 3, 6, 9}) {  // 0: as long as the signal
        for (const bool onesided : {false, true}) {
          const Shape shape = {2, 5, 7, parts};
          const Tensor x = random_tensor(random, DType::f64, shape);
          Call call{"DFT", {x}, {{"axis", axis}, {"onesided", int64_t{onesided}}}};
          if (length > 0) call.inputs.push_back(whole(length));
          SCOPED_TRACE(call.describe() + " axis " + std::to_string(axis));
          const auto along = static_cast<size_t>(axis < 0 ? axis + 4 : axis);
          const int64_t n = length > 0 ? length : shape[along];
          Shape expected_shape = shape;
          expected_shape[along] = onesided ? n / 2 + 1 : n;
          expected_shape[3] = 2;
          const Tensor found = run(call)[0];
          ASSERT_EQ(found.shape(), expected_shape);
          const Array given(x);
          const Array result(found);
          each_index(expected_shape, [&](const Index& at) {
            std::vector<Complex> signal(static_cast<size_t>(n));
            Index from = at;
            for (int64_t k = 0; k < std::min(n, shape[along]); ++k) {
              from[along] = k;
              from[3] = 0;
              const double real = given(from);
              from[3] = 1;
              signal[static_cast<size_t>(k)] = {real, parts == 2 ? given(from) : 0.0};
            }
            const Complex z = transform(signal)[static_cast<size_t>(at[along])];
            EXPECT_NEAR(result(at), at[3] == 0 ? z.real() : z.imag(), 1e-11);
          });
        }
      }
    }
  }
}

TEST(FourierOperators, DFT_InverseTakesBack) {
  Random random(151);
  const Tensor x = random_tensor(random, DType::f64, {3, 11, 2});
  const Tensor y = run({"DFT", {x}})[0];
  const Tensor back = run({"DFT", {y}, {{"inverse", int64_t{1}}}})[0];
  for (size_t i = 0; i < x.data<double>().size(); ++i) {
    EXPECT_NEAR(back.data<double>()[i], x.data<double>()[i], 1e-12);
  }
}

TEST(FourierOperators, DFT_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {2, 4, 2});
  expect_refused({"DFT", {Tensor(DType::f32, {2, 4, 3})}}, "last dimension");
  expect_refused({"DFT", {x}, {{"axis", int64_t{2}}}}, "real and imaginary");
  expect_refused({"DFT", {x}, {{"axis", int64_t{3}}}}, "axis");
  expect_refused({"DFT", {x}, {{"inverse", int64_t{1}}, {"onesided", int64_t{1}}}}, "onesided");
  expect_refused({"DFT", {x, whole(0)}}, "dft_length");
  expect_refused({"DFT", {x, whole(int64_t{1} << 40)}}, "dft_length");
  expect_refused({"DFT", {Tensor(DType::f32, {2, 0, 1})}}, "length");
}

TEST(FourierOperators, STFT_IsTheTransformOfWindowedFrames) {
  Random random(152);
  for (const bool windowed : {false, true}) {
    for (const bool onesided : {false, true}) {
      for (const int64_t step : {1, 3, 8}) {
        const Tensor x = random_tensor(random, DType::f64, {2, 20, 1});
        const Tensor window = random_tensor(random, DType::f64, {6});
        Call call{"STFT", {x, whole(step)}, {{"onesided", int64_t{onesided}}}};
        call.inputs.push_back(windowed ? std::optional(window) : std::nullopt);
        if (!windowed) call.inputs.push_back(whole(6));
        SCOPED_TRACE(call.describe() + " step " + std::to_string(step));
        const Shape shape = {2, (20 - 6) / step + 1, onesided ? 4 : 6, 2};
        const Tensor found = run(call)[0];
        ASSERT_EQ(found.shape(), shape);
        const Array given(x), weights(window), result(found);
        each_index(shape, [&](const Index& at) {
          std::vector<Complex> frame(6);
          for (int64_t k = 0; k < 6; ++k) {
            frame[static_cast<size_t>(k)] =
                given({at[0], at[1] * step + k, 0}) * (windowed ? weights({k}) : 1.0);
          }
          const Complex z = transform(frame)[static_cast<size_t>(at[2])];
          EXPECT_NEAR(result(at), at[3] == 0 ? z.real() : z.imag(), 1e-12);
        });
      }
    }
  }
}

TEST(FourierOperators, STFT_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {1, 10, 1});
  const Tensor window(DType::f32, {4});
  expect_refused({"STFT", {x, whole(2)}}, "neither");
  expect_refused({"STFT", {x, whole(0), window}}, "frame_step");
  expect_refused({"STFT", {x, whole(2), window, whole(5)}}, "frame_length");
  expect_refused({"STFT", {x, whole(2), std::nullopt, whole(11)}}, "length");
  expect_refused({"STFT", {Tensor(DType::f32, {1, 10, 2}), whole(2), window}}, "complex");
  expect_refused({"STFT", {x, whole(2), Tensor(DType::f64, {4})}}, "input 2");
}

Call mel(int64_t filters, int64_t length, int64_t rate, float low, float high) {
  return {"MelWeightMatrix",
          {whole(filters), whole(length), whole(rate), Tensor::scalar(low), Tensor::scalar(high)}};
}

/// Each filter rises from the one before to its centre, 1 there, and falls to the one after.
TEST(FourierOperators, MelWeightMatrix_HasTrianglesThatOverlap) {
  const Tensor found = run(mel(8, 256, 8192, 0, 4096))[0];
  ASSERT_EQ(found.shape(), (Shape{129, 8}));
  const Array weights(found);
  int64_t last = -1;
  for (int64_t filter = 0; filter < 8; ++filter) {
    int64_t peak = -1;
    for (int64_t row = 0; row < 129; ++row) {
      EXPECT_GE(weights({row, filter}), 0);
      EXPECT_LE(weights({row, filter}), 1);
      if (weights({row, filter}) == 1) peak = row;
    }
    EXPECT_GT(peak, last) << filter;
    const double mel_step = 2595 * std::log10(1 + 4096 / 700.0) / 10;
    const double centre = 700 * (std::pow(10, double(filter + 1) * mel_step / 2595) - 1);
    EXPECT_EQ(peak, std::floor(257 * centre / 8192));
    last = peak;
  }
  for (int64_t row = 5; row < 60; ++row) {  // neighbours' slopes add up to one
    double sum = 0;
    for (int64_t filter = 0; filter < 8; ++filter) sum += weights({row, filter});
    EXPECT_NEAR(sum, 1, 1e-6) << row;
  }
}

TEST(FourierOperators, MelWeightMatrix_StaysWithinTheSpectrum) {
  for (const float high : {1e9f, -5.0f, NAN, INFINITY}) {
    const Tensor found = run(mel(5, 16, 100, -1e9f, high))[0];
    EXPECT_EQ(found.shape(), (Shape{9, 5}));
  }
  expect_refused(mel(0, 16, 100, 0, 50), "num_mel_bins");
  expect_refused(mel(4, -1, 100, 0, 50), "dft_length");
}

}  // namespace
}  // namespace betimes::graph

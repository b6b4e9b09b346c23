#include "systems/hardware/wa-hls4ml/fixed_point.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/hardware/wa-hls4ml/workload.h"

namespace betimes::systems::wa_hls4ml {
namespace {

TEST(WaFixedPoint, RoundsAndStaysInRange) {
  const FixedPoint number = FixedPoint::covering(4, 1.5f);  // -2 to 1.75 in steps of 0.25
  EXPECT_EQ(number.step, 0.25f);
  EXPECT_EQ(number(0.3f), 0.25f);
  EXPECT_EQ(number(-0.4f), -0.5f);
  EXPECT_EQ(number(9), 1.75f);
  EXPECT_EQ(number(-9), -2.0f);
  EXPECT_EQ(FixedPoint::covering(8, 0)(0), 0);
  EXPECT_THROW(FixedPoint::covering(1, 1), Error);
}

std::map<std::string, Tensor> some_net(uint64_t seed) {
  Random random(seed);
  const auto draw = [&](const Shape& shape) {
    int64_t count = 1;
    for (const int64_t extent : shape) count *= extent;
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = static_cast<float>(random.uniform(-0.9, 0.9));
    return Tensor::from<float>(shape, values);
  };
  return {{"n.0.weight", draw({5, 3})},
          {"n.0.bias", draw({5})},
          {"n.1.weight", draw({2, 5})},
          {"n.1.bias", draw({2})}};
}

TEST(WaFixedPoint, ManyBitsAreTheNetItself) {
  const auto tensors = some_net(1);
  const DenseNet net = read_dense(tensors, "n.", "here");
  const std::vector<float> examples = {0.3f, -1, 0.5f, 1, 0.2f, -0.4f};
  const auto w0 = tensors.at("n.0.weight").data<float>(), b0 = tensors.at("n.0.bias").data<float>();
  const auto w1 = tensors.at("n.1.weight").data<float>(), b1 = tensors.at("n.1.bias").data<float>();
  double last = 0;
  for (const int bits : {24, 12, 4}) {
    const FixedNet fixed(net, bits, examples);
    double error = 0;
    for (size_t e = 0; e < 2; ++e) {
      double hidden[5];
      for (size_t i = 0; i < 5; ++i) {
        hidden[i] = double{b0[i]};
        for (size_t j = 0; j < 3; ++j) hidden[i] += double{w0[i * 3 + j] * examples[e * 3 + j]};
        hidden[i] = std::max(hidden[i], 0.0);
      }
      const std::vector<float> found = fixed(std::span(examples).subspan(e * 3, 3));
      for (size_t i = 0; i < 2; ++i) {
        double expected = double{b1[i]};
        for (size_t j = 0; j < 5; ++j) expected += double{w1[i * 5 + j]} * hidden[j];
        error = std::max(error, std::abs(double{found[i]} - expected));
      }
    }
    if (bits == 24) {
      EXPECT_LT(error, 1e-5);
    }
    EXPECT_GE(error, last) << "fewer bits, more error";
    last = error;
  }
  EXPECT_GT(last, 0.01);
  EXPECT_THROW(FixedNet(net, 8, {}), Error);
}

TEST(WaFixedPoint, BrokenNetsAreRefused) {
  auto tensors = some_net(2);
  EXPECT_THROW(read_dense(tensors, "m.", "here"), Error);
  tensors.erase("n.1.bias");
  EXPECT_THROW(read_dense(tensors, "n.", "here"), Error);
  tensors = some_net(2);
  tensors["n.1.weight"] = Tensor::from<float>({2, 4}, std::vector<float>(8));
  EXPECT_THROW(read_dense(tensors, "n.", "here"), Error);
}

TEST(WaDesign, ImagesAreShrunkByMeans) {
  std::vector<float> images(2 * 28 * 28);
  images[28 * 5 + 9] = 16;              // row 5, column 9: block (1, 2)
  images[28 * 28 + 28 * 27 + 27] = 32;  // the last of the second image
  const std::vector<float> found = shrink(images);
  ASSERT_EQ(found.size(), 2u * 49);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i], i == 9 ? 1 : i == 97 ? 2 : 0) << i;
  }
  EXPECT_THROW(shrink(std::vector<float>(100)), Error);
}

TEST(WaDesign, WhatDoesntFitIsSaid) {
  Costs costs{};
  EXPECT_EQ(misfit(costs, served_part()), "");
  of(costs, Target::lut) = 90'000;
  EXPECT_EQ(misfit(costs, served_part()), "needs 90000 LUT, xc7z020 has 53200");
}

}  // namespace
}  // namespace betimes::systems::wa_hls4ml

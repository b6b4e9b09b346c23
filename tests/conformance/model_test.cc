// Real models, whose outputs another runtime (ONNX Runtime 1.30, unoptimised) has computed.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "betimes/graph/specialize.h"
#include "betimes/import/onnx.h"
#include "betimes/import/safetensors.h"
#include "betimes/import/testing/graphs.h"

namespace betimes {
namespace {

namespace fs = std::filesystem;

fs::path models() { return import::samples::shared_folder() / "models" / "onnx"; }

/// The input that the expected outputs were made with: a linear congruential sequence of bytes.
Tensor input_of(const Shape& shape, double scale, double offset) {
  Tensor input(DType::f32, shape);
  uint32_t i = 0;
  for (float& x : input.mutable_data<float>()) {
    const uint32_t u = ((i++ * 1103515245u + 12345u) >> 16) & 255u;
    x = static_cast<float>(u / 255.0 * scale + offset);
  }
  return input;
}

struct Case {
  std::string model;
  Shape input;
  double scale;
  double offset;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.model; }

class RealModel : public testing::TestWithParam<Case> {};

TEST_P(RealModel, AgreesWithTheOtherRuntime) {
  const Case& c = GetParam();
  const fs::path path = models() / (c.model + ".onnx");
  if (!fs::exists(path)) GTEST_SKIP() << path << " isn't there";
  const graph::Graph graph = import::read_onnx(path.string());
  const auto found =
      graph::evaluate(graph, {{graph.inputs.at(0).name, input_of(c.input, c.scale, c.offset)}});
  const auto expected =
      import::read_safetensors((models() / (c.model + ".expected.safetensors")).string());
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    const auto values = tensor.data<float>();
    const auto data = found.at(name).data<float>();
    ASSERT_EQ(data.size(), values.size()) << name;
    double worst = 0;
    double largest = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      worst = std::max(worst, std::fabs(double{data[i]} - values[i]));
      largest = std::max(largest, std::fabs(double{values[i]}));
    }
    EXPECT_LE(worst, 3e-5 * largest + 1e-6) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, RealModel,
                         testing::Values(Case{"mnist", {1, 1, 28, 28}, 255, 0},
                                         Case{"yunet_n_320", {1, 3, 320, 320}, 255, 0},
                                         Case{"fastestdet", {1, 3, 352, 352}, 1, 0},
                                         Case{"ultraface_rfb_320", {1, 3, 240, 320}, 2, -1},
                                         Case{"proxyless_landmark", {1, 3, 112, 112}, 2, -1}),
                         [](const auto& each) { return each.param.model; });

}  // namespace
}  // namespace betimes

#include <gtest/gtest.h>

#include "betimes/import/onnx.h"
#include "betimes/import/safetensors.h"
#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/passes.h"

// Real models against outputs that ONNX Runtime gave.

namespace betimes::runtime {
namespace {

using testing::relative_error;
using testing::shared_folder;

struct Model {
  const char* name;
  float scale, offset;  // of the input formula of shared/models/README.md
};

std::ostream& operator<<(std::ostream& out, const Model& model) { return out << model.name; }

/// Element i is u/255 * scale + offset, u = ((i * 1103515245 + 12345) mod 2^32) >> 16 & 255.
Tensor formula_input(const Shape& shape, float scale, float offset) {
  Tensor tensor(DType::f32, shape);
  uint32_t i = 0;
  for (float& x : tensor.mutable_data<float>()) {
    const uint32_t u = (i++ * 1103515245u + 12345u) >> 16 & 255u;
    x = static_cast<float>(u) / 255.0f * scale + offset;
  }
  return tensor;
}

class RealModel : public ::testing::TestWithParam<Model> {
 protected:
  void SetUp() override {
    path_ = shared_folder() + "/models/onnx/" + GetParam().name;
    if (!std::filesystem::exists(path_ + ".onnx")) GTEST_SKIP() << path_ << ".onnx isn't here";
    graph_ = import::read_onnx(path_ + ".onnx");
    expected_ = import::read_safetensors(path_ + ".expected.safetensors");
    const auto inputs = graph_.inputs;
    ASSERT_EQ(inputs.size(), 1u);
    Shape shape;
    for (const graph::Dim& dim : *inputs[0].dims) shape.push_back(dim.extent >= 0 ? dim.extent : 1);
    inputs_[inputs[0].name] = formula_input(shape, GetParam().scale, GetParam().offset);
  }

  void expect_outputs(const CompileOptions& options) {
    Session session(compile(graph_, options));
    const auto found = session.run(inputs_);
    for (const auto& [name, tensor] : expected_) {
      ASSERT_TRUE(found.contains(name)) << name;
      // Sigmoids of very negative numbers differ by less than can matter.
      EXPECT_LE(relative_error(found.at(name), tensor, 1e-6), 1e-4) << name;
    }
  }

  std::string path_;
  graph::Graph graph_;
  std::map<std::string, Tensor> expected_;
  std::map<std::string, Tensor> inputs_;
};

TEST_P(RealModel, AgreesWithReferenceOutputs) { expect_outputs({}); }

TEST_P(RealModel, AgreesWithEveryPassSwitchedOff) {
  for (const graph::Pass& pass : standard_passes()) {
    SCOPED_TRACE(pass.name);
    CompileOptions options;
    options.disabled_passes = {pass.name};
    expect_outputs(options);
  }
}

TEST_P(RealModel, TwoThreadsGiveWhatOneGives) {
  Session one(compile(graph_));
  CompileOptions options;
  options.threads = 2;
  Session two(compile(graph_, options));
  const auto a = one.run(inputs_);
  const auto b = two.run(inputs_);
  for (const auto& [name, tensor] : a) {
    EXPECT_LE(relative_error(b.at(name), tensor, 1e-7), 1e-5) << name;
  }
}

TEST_P(RealModel, ASecondRunGivesTheSame) {
  Session session(compile(graph_));
  const auto first = session.run(inputs_);
  const auto second = session.run(inputs_);
  for (const auto& [name, tensor] : first) EXPECT_EQ(relative_error(second.at(name), tensor), 0);
}

INSTANTIATE_TEST_SUITE_P(Shared, RealModel,
                         ::testing::Values(Model{"mnist", 255, 0}, Model{"yunet_n_320", 255, 0},
                                           Model{"fastestdet", 1, 0},
                                           Model{"ultraface_rfb_320", 2, -1},
                                           Model{"proxyless_landmark", 2, -1}),
                         [](const auto& model) { return model.param.name; });

}  // namespace
}  // namespace betimes::runtime

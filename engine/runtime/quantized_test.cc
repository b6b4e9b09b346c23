#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "betimes/base/cpu.h"
#include "betimes/graph/specialize.h"
#include "betimes/runtime/session.h"

// int8 plans against the graph evaluated node by node: the same integers, so that results may
// differ by one step of the output's scale at most (a rounding of a tie), not more.

namespace betimes::runtime {
namespace {

using graph::Graph;
using graph::Node;

struct Case {
  const char* name;
  int64_t in = 4, out = 8, size = 6, kernel = 3, stride = 1, groups = 1;
  float low = 0;                // of the input's range: below zero gives a zero point
  const char* activation = "";  // between convolution and quantisation
  bool residual = false;        // a quantised one
  bool quantize_output = true;
  int most = 64;  // largest weight
  bool expect_int8 = true;
};

std::vector<Case> cases() {
  std::vector<Case> all = {
      {.name = "plain"},
      {.name = "relu", .activation = "Relu"},
      {.name = "one_channel", .in = 1, .out = 3},
      {.name = "three_channels", .in = 3, .out = 7, .size = 11, .stride = 2, .activation = "Relu"},
      {.name = "primes", .in = 13, .out = 17, .size = 7, .activation = "Relu"},
      {.name = "pointwise", .in = 32, .out = 24, .kernel = 1, .activation = "Relu"},
      {.name = "wide", .in = 64, .out = 64, .size = 14, .activation = "Relu"},
      {.name = "depthwise", .in = 16, .out = 16, .groups = 16, .activation = "Relu"},
      {.name = "grouped", .in = 16, .out = 32, .groups = 2},
      {.name = "odd_groups", .in = 8, .out = 12, .groups = 4, .expect_int8 = false},
      {.name = "zero_point", .low = -1.0f, .activation = "Relu"},
      {.name = "zero_point_pointwise", .in = 16, .out = 16, .kernel = 1, .low = -0.5f},
      {.name = "zero_point_both", .low = -1.0f},
      {.name = "hard_swish", .activation = "HardSwish"},
      {.name = "sigmoid", .activation = "Sigmoid"},
      {.name = "residual", .in = 8, .activation = "Relu", .residual = true},
      {.name = "residual_no_activation", .in = 8, .low = -1.0f, .residual = true},
      {.name = "residual_float_output",
       .in = 8,
       .activation = "Relu",
       .residual = true,
       .quantize_output = false},
      {.name = "float_output", .activation = "Relu", .quantize_output = false},
  };
  // Full-range weights leave 16 bits in pairs; without VNNI they must not be trusted to int8.
  all.push_back({.name = "full_range",
                 .in = 8,
                 .most = 127,
                 .expect_int8 = active_isa() >= Isa::avx512_vnni});
  return all;
}

class Builder {
 public:
  explicit Builder(const Case& c) : c_(c), random_(17) {
    graph_.inputs = {value("x", {1, c.in, c.size, c.size})};
    quantized("x", c.low, 2.0f);
    weights();
    std::string at = "conv";
    if (c.residual) {
      graph_.nodes.push_back({"add", "Add", "", {at, "x_dq"}, {"sum"}, {}});
      at = "sum";
    }
    if (*c.activation) {
      graph_.nodes.push_back({"act", c.activation, "", {at}, {"act"}, {}});
      at = "act";
    }
    if (c.quantize_output) {
      quantized(at, *c.activation ? -0.2f : -3.0f, 3.0f);
      at += "_dq";
    }
    graph_.outputs = {{at, DType::f32, std::nullopt}};
    output = at;
    graph::validate(graph_);
  }

  const Graph& graph() const { return graph_; }
  std::map<std::string, Tensor> inputs() {
    Tensor x(DType::f32, {1, c_.in, c_.size, c_.size});
    std::uniform_real_distribution<float> uniform(c_.low, 2.0f);
    for (float& at : x.mutable_data<float>()) at = uniform(random_);
    return {{"x", x}};
  }
  std::string output;

 private:
  static graph::ValueInfo value(const std::string& name, const std::vector<int64_t>& extents) {
    graph::ValueInfo info{name, DType::f32, std::vector<graph::Dim>{}};
    for (const int64_t extent : extents) info.dims->push_back({extent, {}});
    return info;
  }

  void quantized(const std::string& name, float low, float high) {
    const float scale = (high - low) / 255.0f;
    graph_.constants[name + "_s"] = Tensor::scalar(scale);
    graph_.constants[name + "_z"] =
        Tensor::scalar(static_cast<uint8_t>(std::nearbyint(-low / scale)));
    graph_.nodes.push_back(
        {name + "_Q", "QuantizeLinear", "", {name, name + "_s", name + "_z"}, {name + "_q"}, {}});
    graph_.nodes.push_back({name + "_D",
                            "DequantizeLinear",
                            "",
                            {name + "_q", name + "_s", name + "_z"},
                            {name + "_dq"},
                            {}});
  }

  void weights() {
    const int64_t in = c_.in / c_.groups;
    Tensor w(DType::i8, {c_.out, in, c_.kernel, c_.kernel});
    for (int8_t& at : w.mutable_data<int8_t>()) {
      at = static_cast<int8_t>(
          static_cast<int>(random_() % static_cast<unsigned>(2 * c_.most + 1)) - c_.most);
    }
    Tensor s(DType::f32, {c_.out});
    Tensor b(DType::f32, {c_.out});
    std::uniform_real_distribution<float> uniform(0.5f, 1.0f);
    const float size = static_cast<float>(in * c_.kernel * c_.kernel);
    for (float& at : s.mutable_data<float>()) at = uniform(random_) / (40.0f * std::sqrt(size));
    for (float& at : b.mutable_data<float>()) at = uniform(random_) - 0.75f;
    graph_.constants["w"] = w;
    graph_.constants["w_s"] = s;
    graph_.constants["b"] = b;
    graph_.nodes.push_back(
        {"w_D", "DequantizeLinear", "", {"w", "w_s"}, {"w_dq"}, {{"axis", int64_t{0}}}});
    const int64_t pad = c_.kernel / 2;
    graph_.nodes.push_back({"conv",
                            "Conv",
                            "",
                            {"x_dq", "w_dq", "b"},
                            {"conv"},
                            {{"pads", std::vector<int64_t>{pad, pad, pad, pad}},
                             {"strides", std::vector<int64_t>{c_.stride, c_.stride}},
                             {"group", c_.groups}}});
  }

  Case c_;
  Graph graph_;
  std::mt19937 random_;
};

class QuantizedPlan : public ::testing::TestWithParam<Case> {};

TEST_P(QuantizedPlan, GivesTheIntegersOfTheGraph) {
  const Case& c = GetParam();
  Builder built(c);
  const auto inputs = built.inputs();
  const Tensor expected = graph::evaluate(built.graph(), inputs).at(built.output);
  for (const int threads : {1, 2}) {
    CompileOptions options;
    options.threads = threads;
    Session session(compile(built.graph(), options));
    const auto& steps = session.plan().steps();
    const bool int8 = std::any_of(steps.begin(), steps.end(), [](const StepInfo& step) {
      return step.op.starts_with("Quantized") && step.precision == "int8";
    });
    EXPECT_EQ(int8, c.expect_int8);
    const Tensor found = session.run(inputs).at(built.output);
    const float step = c.quantize_output ? (*c.activation ? 3.2f : 6.0f) / 255.0f : 0.0f;
    int64_t different = 0;
    for (size_t i = 0; i < expected.data<float>().size(); ++i) {
      const float error = std::fabs(expected.data<float>()[i] - found.data<float>()[i]);
      EXPECT_LE(error, 1.001f * step + 2e-5f) << i;
      different += error > 0.5f * step + 2e-5f;
    }
    EXPECT_LE(different, 1 + expected.size() / 100);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, QuantizedPlan, ::testing::ValuesIn(cases()),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace betimes::runtime

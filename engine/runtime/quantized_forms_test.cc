
#include <gtest/gtest.h>

#include "betimes/base/cpu.h"
#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/passes.h"

namespace betimes::runtime {
namespace {

using testing::contains_step;
using testing::GraphBuilder;
using Ints = std::vector<int64_t>;

/// Writes int8 models as exporters do.
class QuantizedBuilder : public GraphBuilder {
 public:
  std::string pair(const std::string& x, float scale, uint8_t zero) {
    const std::string s = constant(Tensor::scalar(scale));
    const std::string z = constant(Tensor::scalar(zero));
    return node("DequantizeLinear", {node("QuantizeLinear", {x, s, z}), s, z});
  }
  std::string int8_weights(const Shape& shape, int64_t axis, int limit) {
    Tensor values = testing::random_tensor(shape, seed_++, static_cast<float>(-limit) - 0.5f,
                                           static_cast<float>(limit) + 0.5f);
    const int64_t channels = shape[static_cast<size_t>(axis)];
    const std::string scales = constant(testing::random_tensor({channels}, seed_++, 0.002f, 0.01f));
    const std::string zeros = constant(Tensor(DType::i8, {channels}));
    return node("DequantizeLinear", {constant(values.cast(DType::i8)), scales, zeros},
                {{"axis", axis}});
  }
  std::string convolution(const std::string& x, int64_t in, int64_t out, int64_t kernel,
                          int64_t stride = 1, int64_t group = 1, int limit = 63) {
    const std::string w = int8_weights({out, in / group, kernel, kernel}, 0, limit);
    const int64_t p = kernel / 2;
    return node("Conv", {x, w, weights({out})},
                {{"kernel_shape", Ints{kernel, kernel}},
                 {"strides", Ints{stride, stride}},
                 {"pads", Ints{p, p, p, p}},
                 {"group", group}});
  }

 private:
  uint32_t seed_ = 500;
};

/// The plan computes what the passes' graph says: fp32 outputs to rounding of one multiplication,
/// dequantized uint8 ones to at most one step where a value lies on the edge between two.
void expect_exact(const graph::Graph& graph, double step, bool expect_int8 = true) {
  const auto inputs = testing::random_inputs(graph, 11);
  graph::StaticGraph fused = graph::specialize(graph);
  graph::run_passes(fused, standard_passes());
  const auto expected = graph::evaluate(fused.graph, inputs);
  const auto plan = compile(graph);
  const bool int8 =
      contains_step(*plan, "QuantizedConv") || contains_step(*plan, "QuantizedMatMul");
  EXPECT_EQ(int8, expect_int8);
  const auto found = Session(plan).run(inputs);
  for (const auto& [name, tensor] : expected) {
    const auto a = tensor.data<float>();
    const auto b = found.at(name).data<float>();
    size_t edges = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      const double error = std::fabs(a[i] - b[i]);
      const double rounding = 1e-5 * std::max(1.0f, std::fabs(a[i]));
      if (error <= rounding) continue;
      ASSERT_LE(error, step * 1.001 + rounding) << "element " << i << " of " << name;
      ++edges;
    }
    EXPECT_LE(edges, a.size() / 200 + 1) << name;
  }
  for (const StepInfo& info : plan->steps()) {
    if (info.precision == "int8") {
      EXPECT_NE(info.kernel, "reference") << info.refusals;
    }
  }
}

TEST(QuantizedForms, ConvolutionsToFloatAreExact) {
  const struct {
    int64_t in, out, kernel, stride, group;
  } cases[] = {{1, 16, 3, 1, 1},  {3, 16, 3, 2, 1},   {16, 16, 1, 1, 1},  {16, 32, 3, 1, 1},
               {5, 7, 3, 1, 1},   {16, 16, 3, 1, 16}, {24, 24, 5, 2, 24}, {64, 24, 1, 1, 1},
               {32, 10, 3, 2, 1}, {7, 7, 3, 1, 7}};
  for (const uint8_t zero : {0, 37}) {
    for (const auto& c : cases) {
      SCOPED_TRACE(::testing::Message() << c.in << "->" << c.out << " k" << c.kernel << " s"
                                        << c.stride << " g" << c.group << " zero " << int{zero});
      QuantizedBuilder build;
      const std::string x = build.pair(build.input({1, c.in, 12, 11}), 0.005f, zero);
      expect_exact(build.finish({build.convolution(x, c.in, c.out, c.kernel, c.stride, c.group)}),
                   0);
    }
  }
}

TEST(QuantizedForms, RequantizedOutputsAndEveryActivation) {
  for (const char* op : {"", "Relu", "Clip", "HardSwish", "Sigmoid", "LeakyRelu"}) {
    for (const uint8_t zero : {0, 90}) {
      SCOPED_TRACE(::testing::Message() << op << " zero " << int{zero});
      QuantizedBuilder build;
      const std::string x = build.pair(build.input({1, 16, 12, 11}), 0.005f, 0);
      std::string y = build.convolution(x, 16, 16, 3);
      if (std::string(op) == "Clip") {
        y = build.node("Clip", {y, build.constant<float>({}, {0}), build.constant<float>({}, {1})});
      } else if (*op) {
        y = build.node(op, {y});
      }
      expect_exact(build.finish({build.pair(y, 0.02f, zero)}), 0.02);
    }
  }
}

TEST(QuantizedForms, ResidualsInPlaceAndKept) {
  for (const bool keep : {false, true}) {
    for (const uint8_t zero : {0, 60}) {
      SCOPED_TRACE(::testing::Message() << "keep " << keep << " zero " << int{zero});
      QuantizedBuilder build;
      const std::string x = build.pair(build.input({1, 16, 12, 11}), 0.005f, 0);
      const std::string a =
          build.pair(build.node("Relu", {build.convolution(x, 16, 16, 3)}), 0.02f, zero);
      const std::string b = build.convolution(a, 16, 16, 3);
      const std::string sum = build.node("Relu", {build.node("Add", {b, a})});
      std::vector<std::string> outputs = {build.pair(sum, 0.03f, 0)};
      if (keep) outputs.push_back(a);
      expect_exact(build.finish(outputs), 0.03);
    }
  }
}

TEST(QuantizedForms, EightBitNumbersMoveAsTheyAre) {
  QuantizedBuilder build;
  const std::string x = build.pair(build.input({1, 16, 12, 12}), 0.005f, 0);
  const std::string y = build.pair(build.node("Relu", {build.convolution(x, 16, 16, 3)}), 0.02f, 0);
  const std::string pooled = build.pair(
      build.node("MaxPool", {y}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}}), 0.02f,
      0);
  const graph::Graph graph = build.finish({build.convolution(pooled, 16, 8, 3)});
  expect_exact(graph, 0.02);
  const auto plan = compile(graph);
  int conversions = 0;
  for (const StepInfo& step : plan->steps()) {
    conversions += step.op == "QuantizeLinear" || step.op == "DequantizeLinear";
  }
  EXPECT_EQ(conversions, 1) << "only the input is quantized apart";
}

TEST(QuantizedForms, MatrixProducts) {
  for (const uint8_t zero : {0, 128}) {
    for (const bool transposed : {false, true}) {
      QuantizedBuilder build;
      const std::string x = build.pair(build.input({3, 64}), 0.01f, zero);
      const std::string w =
          transposed ? build.int8_weights({10, 64}, 0, 63) : build.int8_weights({64, 10}, 1, 63);
      const std::string y =
          build.node("Gemm", {x, w, build.weights({10})}, {{"transB", int64_t{transposed}}});
      expect_exact(build.finish({y}), 0);
    }
  }
}

TEST(QuantizedForms, WeightsThatCouldSaturateStayExact) {
  QuantizedBuilder build;
  const std::string x = build.pair(build.input({1, 16, 12, 11}), 0.005f, 0);
  const graph::Graph graph = build.finish({build.convolution(x, 16, 16, 3, 1, 1, 127)});
  const auto inputs = testing::random_inputs(graph, 11);
  const auto plan = compile(graph);
  const auto expected = graph::evaluate(graph, inputs);
  const auto found = Session(plan).run(inputs);
  for (const auto& [name, tensor] : expected) {
    EXPECT_LE(testing::relative_error(found.at(name), tensor), 1e-4);
  }
  for (const StepInfo& step : plan->steps()) {
    if (step.op != "Conv") continue;
    EXPECT_LT(active_isa(), Isa::avx512_vnni);
    EXPECT_NE(step.refusals.find("saturate"), std::string::npos);
  }
}

}  // namespace
}  // namespace betimes::runtime

#include <gtest/gtest.h>

#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/passes.h"

namespace betimes::runtime {
namespace {

using testing::contains_step;
using testing::expect_same;
using testing::GraphBuilder;
using Ints = std::vector<int64_t>;

std::map<std::string, graph::Attribute> window(int64_t kernel, int64_t stride = 1, int64_t pad = 0,
                                               int64_t group = 1) {
  return {{"kernel_shape", Ints{kernel, kernel}},
          {"strides", Ints{stride, stride}},
          {"pads", Ints{pad, pad, pad, pad}},
          {"group", group}};
}

/// A convolution with bias, 8 to 16 channels on 10 x 9 pixels unless told otherwise.
std::string convolution(GraphBuilder& build, const std::string& x, int64_t in = 8, int64_t out = 16,
                        int64_t kernel = 3, int64_t stride = 1, int64_t group = 1) {
  const std::string w = build.weights({out, in / group, kernel, kernel});
  const std::string b = build.weights({out});
  return build.node("Conv", {x, w, b}, window(kernel, stride, kernel / 2, group));
}

TEST(Fusion, ConvolutionsOfManyShapes) {
  const struct {
    int64_t in, out, kernel, stride, group;
  } cases[] = {{1, 8, 3, 1, 1},    {3, 16, 3, 2, 1},  {4, 5, 1, 1, 1},    {8, 8, 3, 1, 8},
               {16, 16, 5, 2, 16}, {12, 24, 3, 1, 2}, {6, 6, 3, 1, 3},    {32, 7, 1, 1, 1},
               {7, 7, 3, 1, 7},    {16, 32, 5, 1, 1}, {24, 24, 7, 1, 24}, {3, 4, 7, 3, 1}};
  for (const auto& c : cases) {
    SCOPED_TRACE(::testing::Message() << c.in << "->" << c.out << " k" << c.kernel << " s"
                                      << c.stride << " g" << c.group);
    GraphBuilder build;
    const std::string x = build.input({2, c.in, 11, 13});
    const auto plan = expect_same(
        build.finish({convolution(build, x, c.in, c.out, c.kernel, c.stride, c.group)}));
    EXPECT_TRUE(contains_step(*plan, "Conv"));
  }
}

TEST(Fusion, BatchNormAndActivationVanishIntoTheConvolution) {
  GraphBuilder build;
  const std::string x = build.input({1, 8, 10, 9});
  const std::string y = convolution(build, x);
  const std::string n = build.node(
      "BatchNormalization", {y, build.weights({16}), build.weights({16}), build.weights({16}),
                             build.constant(testing::random_tensor({16}, 3, 0.5f, 2.0f))});
  const auto plan = expect_same(build.finish({build.node("Relu", {n})}));
  EXPECT_FALSE(contains_step(*plan, "Add"));
  EXPECT_FALSE(contains_step(*plan, "Activation"));
  EXPECT_FALSE(contains_step(*plan, "BatchNormalization"));
}

TEST(Fusion, ResidualIsAddedInTheConvolution) {
  for (const bool keep : {false, true}) {  // whether the other operand is needed afterwards
    GraphBuilder build;
    const std::string x = build.input({1, 8, 10, 9});
    const std::string a = build.node("Relu", {convolution(build, x)});
    const std::string b = convolution(build, a, 16, 16);
    const std::string sum = build.node("Relu", {build.node("Add", {a, b})});
    const std::string out = build.node("MaxPool", {sum}, {{"kernel_shape", Ints{2, 2}}});
    std::vector<std::string> outputs = {out};
    if (keep) outputs.push_back(a);
    const auto plan = expect_same(build.finish(outputs));
    EXPECT_FALSE(contains_step(*plan, "Add"));
  }
}

TEST(Fusion, ResidualOfTheConvolutionsOwnInput) {
  GraphBuilder build;
  const std::string x = build.input({1, 8, 10, 9});
  const std::string a = convolution(build, x, 8, 16);
  const std::string b = convolution(build, a, 16, 16);
  const auto plan = expect_same(build.finish({build.node("Add", {b, a})}));
  EXPECT_FALSE(contains_step(*plan, "Add"));
}

TEST(Fusion, EveryActivation) {
  const std::vector<std::pair<std::string, std::map<std::string, graph::Attribute>>> activations = {
      {"Relu", {}},      {"LeakyRelu", {{"alpha", 0.1f}}},
      {"Sigmoid", {}},   {"HardSigmoid", {}},
      {"HardSwish", {}}, {"Tanh", {}},
      {"Elu", {}},       {"Abs", {}},
      {"Neg", {}},       {"Exp", {}}};
  for (const auto& [op, attributes] : activations) {
    for (const bool fused : {true, false}) {
      SCOPED_TRACE(op + (fused ? " fused" : " alone"));
      GraphBuilder build;
      const std::string x = build.input({1, 8, 10, 9});
      const std::string before = fused ? convolution(build, x) : x;
      const auto plan = expect_same(build.finish({build.node(op, {before}, attributes)}));
      EXPECT_EQ(plan->steps().back().op, fused ? "Reorder" : "Activation");
      // What a kernel can't do after its sums must not cost the kernel.
      for (const StepInfo& step : plan->steps()) EXPECT_NE(step.kernel, "reference") << step.name;
    }
  }
}

TEST(Fusion, RootsAndReciprocalsStayInTheKernel) {
  for (const char* op : {"Sqrt", "Reciprocal"}) {
    for (const bool product : {false, true}) {
      SCOPED_TRACE(std::string(op) + (product ? " of a product" : " of a convolution"));
      GraphBuilder build;
      // Sums of products of numbers above 0, far from the pole.
      const auto above = [&](const Shape& shape) {
        return build.constant(testing::random_tensor(shape, 9, 0.1f, 1));
      };
      const std::string x =
          build.node("Abs", {build.input(product ? Shape{5, 30} : Shape{1, 8, 10, 9})});
      const std::string y = product ? build.node("MatMul", {x, above({30, 20})})
                                    : build.node("Conv", {x, above({16, 8, 3, 3})}, window(3));
      const auto plan = expect_same(build.finish({build.node(op, {y})}));
      for (const StepInfo& step : plan->steps()) EXPECT_NE(step.kernel, "reference") << step.name;
    }
  }
}

TEST(Fusion, ActivationsThatExportersSpellOut) {
  for (int form = 0; form < 4; ++form) {
    SCOPED_TRACE(form);
    GraphBuilder build;
    const std::string y = convolution(build, build.input({1, 8, 10, 9}));
    std::string out;
    if (form == 0) out = build.node("Mul", {y, build.node("Sigmoid", {y})});
    if (form == 1) {
      out = build.node("Mul",
                       {build.node("HardSigmoid", {y}, {{"alpha", 1.0f / 6}, {"beta", 0.5f}}), y});
    }
    if (form >= 2) {
      const std::string three = build.node("Add", {y, build.constant<float>({}, {3})});
      const std::string ramp = build.node(
          "Clip", {three, build.constant<float>({}, {0}), build.constant<float>({}, {6})});
      const std::string six = build.constant<float>({}, {6});
      out = form == 2 ? build.node("Div", {build.node("Mul", {y, ramp}), six})
                      : build.node("Mul", {y, build.node("Div", {ramp, six})});
    }
    const auto plan = expect_same(build.finish({out}));
    EXPECT_EQ(plan->steps().size(), 3u) << "reorder, convolution, reorder";
  }
}

TEST(Fusion, TransposedConvolutions) {
  const struct {
    Shape input;  // [N, C, spatial...]
    int64_t out, kernel, stride, pad, output_padding, group;
    bool bias, tiles;
  } cases[] = {{{1, 8, 5, 7}, 6, 2, 2, 0, 0, 1, true, true},
               {{2, 3, 4, 1}, 1, 2, 2, 0, 0, 1, false, true},
               {{1, 16, 3, 5}, 4, 4, 4, 0, 0, 1, true, true},
               {{3, 5, 1, 1}, 7, 3, 3, 0, 0, 1, true, true},
               {{1, 24, 64, 96}, 24, 2, 2, 0, 0, 1, true, true},
               {{2, 6, 11}, 5, 2, 2, 0, 0, 1, true, true},
               {{1, 8, 5, 7}, 6, 1, 1, 0, 0, 1, true, true},
               {{1, 8, 5, 7}, 6, 3, 2, 1, 1, 1, true, false},
               {{1, 8, 5, 7}, 6, 2, 2, 0, 1, 1, true, false},
               {{1, 8, 5, 7}, 8, 2, 2, 0, 0, 4, true, false}};
  for (const auto& c : cases) {
    SCOPED_TRACE(::testing::Message() << to_string(c.input) << " -> " << c.out << " k" << c.kernel
                                      << " s" << c.stride << " g" << c.group);
    GraphBuilder build;
    const size_t spatial = c.input.size() - 2;
    const std::string x = build.input(c.input);
    Shape weights = {c.input[1], c.out / c.group};
    weights.insert(weights.end(), spatial, c.kernel);
    std::vector<std::string> inputs = {x, build.weights(weights)};
    if (c.bias) inputs.push_back(build.weights({c.out}));
    const std::string y = build.node("ConvTranspose", inputs,
                                     {{"kernel_shape", Ints(spatial, c.kernel)},
                                      {"strides", Ints(spatial, c.stride)},
                                      {"pads", Ints(2 * spatial, c.pad)},
                                      {"output_padding", Ints(spatial, c.output_padding)},
                                      {"group", c.group}});
    const graph::Graph graph = build.finish({build.node("Relu", {y})});
    for (int threads = 1; threads <= std::min(2, available_cpus()); ++threads) {
      CompileOptions options;
      options.threads = threads;
      const auto plan = expect_same(graph, options);
      const bool tiles =
          std::any_of(plan->steps().begin(), plan->steps().end(),
                      [](const StepInfo& step) { return step.kernel.starts_with("tiles"); });
      EXPECT_EQ(tiles, c.tiles);
    }
  }
}

TEST(Fusion, PadBecomesTheConvolutionsOwn) {
  GraphBuilder build;
  const std::string x = build.input({1, 8, 10, 9});
  const std::string padded =
      build.node("Pad", {x, build.constant<int64_t>({8}, {0, 0, 1, 2, 0, 0, 0, 1})});
  const std::string y = build.node("Conv", {padded, build.weights({16, 8, 3, 3})}, window(3));
  const auto plan = expect_same(build.finish({y}));
  EXPECT_FALSE(contains_step(*plan, "Pad"));
}

TEST(Fusion, ChannelShuffleIsEverySecondChannel) {
  GraphBuilder build;
  const std::string y = build.node("Relu", {convolution(build, build.input({1, 8, 10, 9}))});
  const std::string halves = build.node("Reshape", {y, build.constant<int64_t>({3}, {8, 2, 90})});
  const std::string turned = build.node("Transpose", {halves}, {{"perm", Ints{1, 0, 2}}});
  const std::string parts =
      build.node("Reshape", {turned, build.constant<int64_t>({5}, {2, -1, 8, 10, 9})});
  std::vector<std::string> outputs;
  for (const int64_t part : {0, 1}) {
    const std::string index = build.constant(Tensor::scalar(part));
    const std::string half = build.node("Gather", {parts, index}, {{"axis", int64_t{0}}});
    outputs.push_back(convolution(build, half, 8, 8));
  }
  const auto plan = expect_same(build.finish(outputs));
  EXPECT_FALSE(contains_step(*plan, "Transpose"));
  EXPECT_FALSE(contains_step(*plan, "Gather"));
}

TEST(Fusion, PoolingAtTheEdges) {
  for (const int64_t channels : {3, 8, 21}) {
    for (const char* op : {"MaxPool", "AveragePool"}) {
      for (const int64_t include : {0, 1}) {
        if (include && std::string(op) == "MaxPool") continue;
        SCOPED_TRACE(::testing::Message() << op << " of " << channels << ", " << include);
        GraphBuilder build;
        std::map<std::string, graph::Attribute> attributes = {
            {"kernel_shape", Ints{3, 4}}, {"strides", Ints{2, 3}}, {"pads", Ints{1, 2, 2, 1}}};
        if (include) attributes["count_include_pad"] = include;
        const std::string x = build.input({2, channels, 9, 7});
        expect_same(build.finish({build.node(op, {x}, attributes)}));
      }
    }
  }
}

TEST(Fusion, SlicesOfOneAxis) {
  const struct {
    int64_t start, end, axis, step;
  } cases[] = {{1, 5, 1, 1}, {1, 100, 1, 2}, {-6, -1, 1, 3},
               {2, 7, 2, 2}, {0, 9, 3, 1},   {3, 8, 3, 2}};
  for (const auto& c : cases) {
    SCOPED_TRACE(::testing::Message()
                 << c.start << ":" << c.end << ":" << c.step << " of " << c.axis);
    GraphBuilder build;
    const std::string y = build.node("Relu", {convolution(build, build.input({2, 8, 10, 9}))});
    const auto number = [&](int64_t value) { return build.constant<int64_t>({1}, {value}); };
    expect_same(build.finish({build.node(
        "Slice", {y, number(c.start), number(c.end), number(c.axis), number(c.step)})}));
  }
}

TEST(Fusion, MatrixProducts) {
  for (const bool transposed : {false, true}) {
    GraphBuilder build;
    const std::string x = build.input({3, 20});
    const std::string w = build.weights(transposed ? Shape{12, 20} : Shape{20, 12});
    const std::string y =
        build.node("Gemm", {x, w, build.weights({12})}, {{"transB", int64_t{transposed}}});
    const auto plan = expect_same(build.finish({build.node("Relu", {y})}));
    EXPECT_EQ(plan->steps().size(), 1u);
  }
  GraphBuilder build;
  const std::string y = build.node("MatMul", {build.input({2, 5, 20}), build.weights({20, 12})});
  const auto plan = expect_same(build.finish({build.node("Add", {y, build.weights({12})})}));
  EXPECT_EQ(plan->steps().size(), 1u);
}

TEST(Fusion, ProductsOfComputedMatricesTakeActivations) {
  for (const int64_t batch : {0, 1, 3}) {
    for (const int64_t columns : {1, 7, 40}) {
      for (const bool bias : {false, true}) {
        SCOPED_TRACE(::testing::Message() << batch << " " << columns << " " << bias);
        GraphBuilder build;
        const std::string a = batch ? build.input({batch, 5, 9}, "a") : build.input({5, 9}, "a");
        const std::string b = build.input({9, columns}, "b");
        std::string y = build.node("MatMul", {a, b});
        if (bias) y = build.node("Add", {y, build.weights({columns})});
        const auto plan = expect_same(build.finish({build.node("Relu", {y})}), {}, 1e-5);
        for (const StepInfo& step : plan->steps()) EXPECT_NE(step.kernel, "reference");
      }
    }
  }
}

TEST(Fusion, BroadcastsInEitherLayout) {
  const Shape shapes[] = {{1, 16, 1, 1}, {16, 1, 1}, {}, {1, 1, 10, 9}, {1, 16, 10, 9}, {9}, {1}};
  for (const Shape& shape : shapes) {
    for (const char* op : {"Add", "Mul", "Sub", "Div", "Max"}) {
      SCOPED_TRACE(op + to_string(shape));
      GraphBuilder build;
      const std::string y = build.node("Relu", {convolution(build, build.input({2, 8, 10, 9}))});
      const std::string other = build.constant(testing::random_tensor(shape, 5, 0.5f, 2.0f));
      expect_same(build.finish({build.node(op, {y, other})}));
    }
  }
}

TEST(Fusion, GateOfEachChannel) {
  GraphBuilder build;
  const std::string y = build.node("Relu", {convolution(build, build.input({2, 8, 10, 9}))});
  const std::string mean = build.node("GlobalAveragePool", {y});
  const std::string gate = build.node("Sigmoid", {convolution(build, mean, 16, 16, 1)});
  const std::string gated = build.node("Mul", {y, gate});
  expect_same(build.finish({convolution(build, gated, 16, 8, 1)}));
}

TEST(Fusion, SquaresAreProducts) {
  GraphBuilder build;
  const std::string x = build.input({3, 7});
  const std::string two = build.constant<float>({}, {2});
  const std::string wide = build.constant<float>({2, 1, 1}, {2, 2});
  const std::string three = build.constant<float>({}, {3});
  const auto plan = expect_same(build.finish(
      {build.node("Pow", {x, two}), build.node("Pow", {x, wide}), build.node("Pow", {x, three})}));
  int powers = 0;
  for (const StepInfo& step : plan->steps()) powers += step.op == "Pow" ? 1 : 0;
  EXPECT_EQ(powers, 2);  // a wide exponent broadcasts
}

TEST(Fusion, OutputsThatAreInputsConstantsViewsOrTwins) {
  GraphBuilder build;
  const std::string x = build.input({1, 8, 4, 4});
  const std::string c = build.weights({3});
  const std::string flat = build.node("Flatten", {x});
  const std::string relu = build.node("Relu", {x});
  const std::string view = build.node("Flatten", {relu});
  expect_same(build.finish({x, c, flat, relu, view}));
}

TEST(Fusion, LayerNormalizations) {
  for (const int64_t count : {1, 7, 16, 37, 768}) {
    for (int form = 0; form < 4; ++form) {
      const bool bias = form % 2 == 1;
      const bool computed = form / 2 == 1;
      SCOPED_TRACE(::testing::Message() << count << ", form " << form);
      GraphBuilder build;
      const std::string x = build.input({2, 5, count});
      const std::string scale = computed ? build.input({count}, "s") : build.weights({count});
      std::vector<std::string> inputs = {x, scale};
      if (bias) inputs.push_back(build.weights({count}));
      const auto plan = expect_same(build.finish({build.node("LayerNormalization", inputs)}));
      EXPECT_TRUE(plan->steps().back().kernel.starts_with("vector"));
    }
  }
}

TEST(Fusion, EveryPassMayBeSwitchedOff) {
  GraphBuilder build;
  const std::string x = build.input({1, 3, 16, 16});
  const std::string a = build.node("Relu", {convolution(build, x, 3, 16, 3, 2)});
  const std::string b = convolution(build, a, 16, 16, 3, 1, 16);
  const std::string n = build.node(
      "BatchNormalization", {b, build.weights({16}), build.weights({16}), build.weights({16}),
                             build.constant(testing::random_tensor({16}, 3, 0.5f, 2.0f))});
  const std::string swish = build.node("Mul", {n, build.node("Sigmoid", {n})});
  const std::string sum = build.node("Add", {convolution(build, swish, 16, 16, 1), a});
  const std::string mean = build.node("Flatten", {build.node("GlobalAveragePool", {sum})});
  const graph::Graph graph =
      build.finish({build.node("Gemm", {mean, build.weights({16, 10}), build.weights({10})})});
  expect_same(graph);
  for (const graph::Pass& pass : standard_passes()) {
    SCOPED_TRACE(pass.name);
    CompileOptions options;
    options.disabled_passes = {pass.name};
    expect_same(graph, options);
  }
  CompileOptions options;
  options.disabled_passes = {"no such pass"};
  EXPECT_THROW(compile(graph, options), Error);
}

TEST(Fusion, PassesKeepWhatTheGraphComputes) {
  GraphBuilder build;
  const std::string x = build.input({1, 3, 16, 16});
  const std::string a = build.node("Relu", {convolution(build, x, 3, 16, 3, 2)});
  const std::string scaled =
      build.node("Mul", {convolution(build, a, 16, 16), build.weights({16, 1, 1})});
  const std::string sum = build.node("Add", {build.node("Identity", {scaled}), a});
  graph::StaticGraph fixed = graph::specialize(build.finish({build.node("HardSwish", {sum})}));
  graph::PassOptions options;
  options.verify = true;
  const auto reports = graph::run_passes(fixed, standard_passes(), options);
  int changes = 0;
  for (const graph::PassReport& report : reports) changes += report.changes;
  EXPECT_GE(changes, 6);
  EXPECT_EQ(fixed.graph.nodes.size(), 2u);
}

}  // namespace
}  // namespace betimes::runtime

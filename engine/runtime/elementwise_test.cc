#include <gtest/gtest.h>

#include "betimes/base/cpu.h"
#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/passes.h"

// Functions of arrays that follow one another in one step.

namespace betimes::runtime {
namespace {

using testing::contains_step;
using testing::expect_same;
using testing::GraphBuilder;
using Ints = std::vector<int64_t>;

TEST(Elementwise, WhatFollowsOneAnotherIsOneStep) {
  GraphBuilder build;
  const std::string x = build.input({3, 700});
  const std::string y = build.input({3, 700}, "y");
  const std::string a = build.node("Tanh", {build.node("Add", {x, y})});
  const std::string b = build.node("Mul", {a, build.constant<float>({}, {0.3f})});
  const std::string c = build.node("Sub", {b, build.weights({700})});
  const std::string d = build.node("Div", {c, build.node("Exp", {a})});  // `a` is read twice
  const auto plan = expect_same(build.finish({build.node("Sigmoid", {d})}), {}, 1e-5);
  EXPECT_EQ(plan->steps().size(), 1u);
  EXPECT_EQ(plan->steps()[0].source.size(), 7u);
}

TEST(Elementwise, OperandsMayRepeatOnBothSides) {
  GraphBuilder build;
  const std::string column = build.input({37, 1}, "column");
  const std::string row = build.input({1, 41}, "row");
  const std::string sum = build.node("Tanh", {build.node("Add", {column, row})});
  const auto plan = expect_same(build.finish({build.node("Mul", {sum, build.weights({41})})}));
  ASSERT_EQ(plan->steps().size(), 1u);
  EXPECT_TRUE(plan->steps()[0].kernel.starts_with("vector")) << plan->steps()[0].refusals;
}

TEST(Elementwise, WhatIsReadElsewhereIsItsOwnStep) {
  GraphBuilder build;
  const std::string x = build.input({8, 16});
  const std::string a = build.node("Exp", {x});
  const std::string b = build.node("Neg", {a});
  const std::string sum = build.node("ReduceSum", {a}, {{"keepdims", int64_t{0}}});
  const auto plan = expect_same(build.finish({b, sum}), {}, 1e-5);
  EXPECT_EQ(plan->steps().size(), 3u);
  EXPECT_FALSE(contains_step(*plan, "Elementwise"));
}

/// A shape that broadcasts to `shape` and has at most as many axes.
Shape narrower(const Shape& shape, std::mt19937& random) {
  Shape result = shape;
  for (int64_t& extent : result) {
    if (random() % 2) extent = 1;
  }
  result.erase(result.begin(),
               result.begin() + static_cast<std::ptrdiff_t>(random() % (shape.size() + 1)));
  return result;
}

std::string random_chain(GraphBuilder& build, const Shape& shape, std::vector<std::string> values,
                         std::mt19937& random) {
  const std::vector<std::string> unary = {"Tanh", "Sigmoid", "Abs", "Neg", "Relu", "HardSwish"};
  const std::vector<std::string> binary = {"Add", "Sub", "Mul", "Max", "Min", "Div"};
  const auto below = [&](size_t n) { return random() % n; };
  for (size_t i = 2 + below(10); i > 0; --i) {
    const std::string x = values[below(values.size())];
    if (below(3) == 0) {
      values.push_back(build.node(unary[below(unary.size())], {x}));
      continue;
    }
    const std::string op = binary[below(binary.size())];
    std::string y =
        below(2) ? values[below(values.size())] : build.weights(narrower(shape, random), 2);
    if (op == "Div")
      y = build.node("Add", {build.node("Abs", {y}), build.constant<float>({}, {0.5f})});
    const bool swap = op != "Div" && below(2);
    values.push_back(build.node(op, swap ? std::vector{y, x} : std::vector{x, y}));
  }
  std::string all = values[0];
  for (size_t i = 1; i < values.size(); ++i) all = build.node("Add", {all, values[i]});
  return all;
}

TEST(Elementwise, RandomChainsComputeWhatTheirNodesSay) {
  const Shape shapes[] = {
      {1},       {5},   {3, 1, 7}, {2, 24, 9, 5}, {1, 3, 40, 41}, {4, 1030}, {2, 3, 5, 7, 11},
      {1024, 3}, {2049}};
  for (uint32_t seed = 0; seed < 150; ++seed) {
    std::mt19937 random(seed);
    const Shape& shape = shapes[seed % std::size(shapes)];
    SCOPED_TRACE(::testing::Message() << "seed " << seed << ", " << to_string(shape));
    GraphBuilder build;
    std::vector<std::string> values = {build.input(shape)};
    if (random() % 2) values.push_back(build.input(narrower(shape, random), "narrow"));
    if (random() % 2) values.push_back(build.node("Erf", {values[0]}));  // lies in the arena
    CompileOptions options;
    options.threads =
        1 + static_cast<int>(seed % static_cast<uint32_t>(std::min(cpu_info().cpus, 2)));
    expect_same(build.finish({random_chain(build, shape, values, random)}), options, 1e-4);
    if (HasFailure()) break;
  }
}

TEST(Elementwise, ChannelsLastKeepsItsLayout) {
  for (const int64_t channels : {3, 16, 24}) {
    GraphBuilder build;
    const std::string x = build.input({1, 3, 20, 21});
    const std::string conv =
        build.node("Conv", {x, build.weights({channels, 3, 3, 3}), build.weights({channels})},
                   {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}});
    // Not what a convolution takes in: a factor for each channel that the input computes.
    const std::string mean = build.node("GlobalAveragePool", {conv});
    const std::string gated = build.node("Mul", {conv, build.node("Exp", {mean})});
    const std::string y =
        build.node("Div", {build.node("Add", {gated, conv}), build.weights({channels, 1, 1}, 3)});
    const std::string z = build.node(
        "Conv", {build.node("Tanh", {y}), build.weights({8, channels, 1, 1}), build.weights({8})},
        {{"kernel_shape", Ints{1, 1}}});
    const auto plan = expect_same(build.finish({z}), {}, 1e-4);
    EXPECT_TRUE(contains_step(*plan, "Elementwise"));
    for (const StepInfo& step : plan->steps()) {
      if (step.op != "Elementwise") continue;
      EXPECT_TRUE(step.kernel.starts_with("vector")) << step.refusals;
    }
  }
}

TEST(Elementwise, OperatorsOfManyArrays) {
  for (const char* op : {"Sum", "Max", "Min"}) {
    SCOPED_TRACE(op);
    GraphBuilder build;
    const std::string x = build.input({5, 33});
    const auto plan = expect_same(build.finish(
        {build.node(op, {x, build.weights({33}), build.weights({5, 1}), build.weights({1})}),
         build.node(op, {build.node("Erf", {x})})}));
    for (const StepInfo& step : plan->steps()) {
      if (step.op != op) continue;
      EXPECT_TRUE(step.kernel.starts_with("vector")) << step.refusals;
    }
  }
}

}  // namespace
}  // namespace betimes::runtime

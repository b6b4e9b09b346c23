#include <gtest/gtest.h>

#include "betimes/runtime/detail/testing.h"

// Values that share memory: pieces of one another, joined without a copy, overwritten in place.

namespace betimes::runtime {
namespace {

using testing::contains_step;
using testing::expect_same;
using testing::GraphBuilder;
using Ints = std::vector<int64_t>;

std::string ints(GraphBuilder& build, const Ints& values) {
  return build.constant<int64_t>({static_cast<int64_t>(values.size())}, values);
}

std::string slice(GraphBuilder& build, const std::string& x, int64_t axis, int64_t from,
                  int64_t to) {
  return build.node("Slice", {x, ints(build, {from}), ints(build, {to}), ints(build, {axis})});
}

TEST(Views, PiecesAlongTheOutermostAxisAreNoSteps) {
  GraphBuilder build;
  const std::string x = build.node("Tanh", {build.input({1, 6, 16})});
  const std::string a = slice(build, x, 1, 1, 3);
  const std::string b =
      build.node("Gather", {x, build.constant<int64_t>({}, {-1})}, {{"axis", int64_t{1}}});
  const std::string c = build.node("Exp", {slice(build, x, 1, 0, 5)});
  const auto plan = expect_same(build.finish({build.node("Exp", {a}), build.node("Exp", {b}), c}));
  EXPECT_EQ(plan->steps().size(), 4u);
}

TEST(Views, PartsAreComputedWhereTheyAreJoined) {
  GraphBuilder build;
  const std::string x = build.input({1, 4, 16});
  const std::string a = build.node("Tanh", {x});
  const std::string b = build.node("Relu", {x});
  const std::string first = build.node("Concat", {a, b}, {{"axis", int64_t{1}}});
  const std::string both =
      build.node("Concat", {build.node("Exp", {x}), first}, {{"axis", int64_t{1}}});
  const auto plan = expect_same(build.finish({build.node("Sqrt", {build.node("Abs", {both})}), a}));
  EXPECT_EQ(plan->steps().size(), 5u);  // the three, Abs and Sqrt, and a copy of the output `a`
  EXPECT_FALSE(contains_step(*plan, "Concat"));
}

TEST(Views, WhatCannotMoveIsCopiedAlone) {
  GraphBuilder build;
  const std::string x = build.input({2, 16});
  const std::string a = build.node("Tanh", {x});
  // The model's input, a constant, a value twice, and one that would begin within a cache line.
  const std::string odd = build.node("Exp", {build.input({1, 16}, "z")});
  const std::string narrow = build.weights({1, 16});
  const auto plan = expect_same(
      build.finish({build.node("Concat", {x, a, narrow, a, odd}, {{"axis", int64_t{0}}})}));
  int copies = 0;
  for (const StepInfo& step : plan->steps()) copies += step.op == "Concat";
  EXPECT_EQ(copies, 3);
}

/// A random graph of values [n, width], where joining, cutting and working in place alternate.
graph::Graph random_graph(uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&](size_t n) { return random() % n; };
  GraphBuilder build;
  const int64_t width = below(2) ? 16 : 3;
  std::vector<std::pair<std::string, int64_t>> values = {{build.input({4, width}), 4}};
  const auto some = [&] { return values[below(values.size())]; };
  for (int i = 0; i < 24; ++i) {
    const auto [x, rows] = some();
    switch (below(6)) {
      case 0:
        values.emplace_back(build.node("Tanh", {x}), rows);
        break;
      case 1:
        values.emplace_back(build.node("LeakyRelu", {x}), rows);
        break;
      case 2: {
        for (const auto& [y, other] : values) {
          if (other != rows || below(2)) continue;
          values.emplace_back(build.node("Sub", {x, y}), rows);
          break;
        }
        break;
      }
      case 3: {
        std::vector<std::string> parts = {x};
        int64_t total = rows;
        for (size_t k = 1 + below(3); k > 0 && total < 40; --k) {
          const auto [y, other] = some();
          parts.push_back(y);
          total += other;
        }
        values.emplace_back(build.node("Concat", parts, {{"axis", int64_t{0}}}), total);
        break;
      }
      case 4: {
        const int64_t from = static_cast<int64_t>(below(static_cast<size_t>(rows)));
        const int64_t to = from + 1 + static_cast<int64_t>(below(static_cast<size_t>(rows - from)));
        values.emplace_back(slice(build, x, 0, from, to), to - from);
        break;
      }
      case 5: {
        const int64_t at = static_cast<int64_t>(below(static_cast<size_t>(rows)));
        const std::string row = build.node("Gather", {x, build.constant<int64_t>({}, {at})});
        values.emplace_back(build.node("Unsqueeze", {row, ints(build, {0})}), 1);
        break;
      }
    }
  }
  std::vector<std::string> outputs = {values.back().first};
  for (size_t k = below(3); k > 0; --k) {
    const std::string& name = some().first;
    if (name != "x" && name != outputs[0] && name != outputs.back()) outputs.push_back(name);
  }
  if (outputs[0] == "x") outputs[0] = build.node("Tanh", {"x"});
  return build.finish(outputs);
}

TEST(Views, RandomGraphsComputeWhatTheirNodesSay) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    expect_same(random_graph(seed), {}, 1e-5);
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace betimes::runtime

#include "betimes/runtime/detail/pass_tools.h"

#include <gtest/gtest.h>

#include <random>

#include "betimes/runtime/detail/testing.h"

namespace betimes::runtime {
namespace {

using testing::GraphBuilder;

/// A chain with side branches: every node reads one or two earlier values.
graph::Graph random_graph(std::mt19937& random, size_t nodes) {
  GraphBuilder build;
  std::vector<std::string> values = {build.input({4})};
  for (size_t i = 0; i < nodes; ++i) {
    const auto any = [&] { return values[random() % values.size()]; };
    values.push_back(random() % 2 ? build.node("Add", {any(), any()})
                                  : build.node("Relu", {any()}));
  }
  return build.finish({values.back(), values[values.size() / 2]});
}

void expect_equal(const FollowedUses& found, const graph::Graph& graph) {
  const graph::Uses expected(graph);
  std::set<std::string> names = {"no such value"};
  for (const graph::ValueInfo& input : graph.inputs) names.insert(input.name);
  for (const Node& node : graph.nodes) {
    names.insert(node.inputs.begin(), node.inputs.end());
    names.insert(node.outputs.begin(), node.outputs.end());
  }
  for (const std::string& name : names) {
    EXPECT_EQ(found.producer(name), expected.producer(name)) << name;
    EXPECT_EQ(found.consumers(name), expected.consumers(name)) << name;
    EXPECT_EQ(found.only_consumer(name), expected.only_consumer(name)) << name;
    EXPECT_EQ(found.is_output(name), expected.is_output(name)) << name;
  }
}

TEST(FollowedUses, SayAfterAnyRewriteWhatANewIndexSays) {
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    graph::Graph graph = random_graph(random, 2 + random() % 30);
    FollowedUses uses(graph);
    expect_equal(uses, graph);
    for (int rewrite = 0; rewrite < 10; ++rewrite) {
      Node& node = graph.nodes[random() % graph.nodes.size()];
      Node& other = graph.nodes[random() % graph.nodes.size()];
      switch (random() % 3) {
        case 0:  // as fusion does it: one node takes the other's outputs over
          if (&node == &other) break;
          node.outputs = other.outputs;
          other.inputs.clear();
          other.outputs.clear();
          break;
        case 1:
          if (!other.outputs.empty()) node.inputs.push_back(other.outputs[0]);
          break;
        default:
          if (!node.inputs.empty()) node.inputs.pop_back();
      }
      if (random() % 2) continue;  // several rewrites at once
      uses.follow(graph);
      expect_equal(uses, graph);
    }
  }
}

TEST(Rewriter, GivesNamesThatNothingHas) {
  GraphBuilder build;
  const std::string x = build.input({4});
  const std::string c = build.weights({4});
  graph::StaticGraph graph = graph::specialize(build.finish({build.node("Add", {x, c})}));
  Rewriter rewriter(graph);
  EXPECT_EQ(rewriter.fresh_name("new"), "new");
  EXPECT_EQ(rewriter.fresh_name("new"), "new_1");
  EXPECT_EQ(rewriter.fresh_name(x), x + "_1");
  EXPECT_EQ(rewriter.fresh_name("n0_out"), "n0_out_1");
  EXPECT_EQ(rewriter.add_constant(c, Tensor::scalar(1.0f)), c + "_1");
  EXPECT_EQ(rewriter.add_constant(c, Tensor::scalar(1.0f)), c + "_2");
}

}  // namespace
}  // namespace betimes::runtime

#include "systems/search/proxylessnas/choices.h"

#include <gtest/gtest.h>

#include <set>

#include "betimes/base/error.h"

namespace betimes::systems::proxylessnas {
namespace {

using search::Operator;

search::LatencyTable made_table(const Space& space) {
  search::LatencyTable table;
  double ms = 0.01;
  for (const search::Layer& layer : space.all_layers()) {
    if (layer.op != Operator::zero) table.add(key(layer), ms *= 1.07);
  }
  return table;
}

TEST(Space, HasZeroExactlyWhereTheShapeStays) {
  const Space space;
  ASSERT_EQ(space.layers(), 9u);
  const std::set<size_t> changing = {3, 6};  // the first layers of the second and third stage
  for (size_t l = 0; l < space.layers(); ++l) {
    EXPECT_EQ(space.candidates(l).size(), changing.contains(l) ? 6u : 7u) << l;
    EXPECT_EQ(space.candidates(l).back().op == Operator::zero, !changing.contains(l));
  }
}

TEST(Space, EveryChoiceIsANetwork) {
  const Space space;
  Random random(2);
  for (int i = 0; i < 200; ++i) {
    const Choice choice = space.random(random);
    for (const double width : {0.5, 1.0}) {
      EXPECT_EQ(search::layers(space.net(choice, width)).size(), space.layers() + 3);
    }
  }
  EXPECT_THROW(space.net(Choice(8, 0)), Error);
  EXPECT_THROW(space.net(Choice(9, 6)), Error);  // zero where the shape changes
  EXPECT_THROW(space.uniform(4, 6), Error);
}

TEST(Space, LetsTheFirstStageGo) {
  const Space space;
  Choice choice = space.uniform(3, 6);
  choice[0] = choice[1] = choice[2] = 6;
  EXPECT_EQ(search::layers(space.net(choice)).size(), space.layers() + 3);
}

TEST(Costs, AddUpToTheTableOfTheNetwork) {
  const Space space;
  const search::LatencyTable table = made_table(space);
  const Costs costs = table_costs(space, table), work = mac_costs(space);
  Random random(6);
  for (int i = 0; i < 100; ++i) {
    const Choice choice = space.random(random);
    EXPECT_NEAR(costs.total(choice), table.sum(space.net(choice)), 1e-9);
    EXPECT_NEAR(work.total(choice), static_cast<double>(search::macs(space.net(choice))), 1e-3);
  }
  EXPECT_EQ(costs.of[1].back(), 0);
  EXPECT_THROW(table_costs(space, search::LatencyTable()), Error);
}

std::string phone_line(int side, int in, int after, int out, int expansion, int kernel,
                       bool changes, double ms) {
  const auto image = [](int a, int c) {
    return std::to_string(a) + "x" + std::to_string(a) + "x" + std::to_string(c);
  };
  std::string text = "expanded_conv-input:" + image(side, in);
  text += "-output:" + image(after, out) + "-expand:" + std::to_string(expansion);
  text += "-kernel:" + std::to_string(kernel) + "-stride:" + (changes ? "2" : "1");
  text += std::string("-idskip:") + (changes ? "0" : "1") + ":\n  count: 1\n  mean: ";
  return text + std::to_string(ms) + "\n  var: 0\n";
}

TEST(PhoneCosts, TakeTheStageOfTheSameDepthAndTheTotalOfTheUniformNetwork) {
  const Space space;
  std::string text;
  for (const char* name :
       {"Conv-input:224x224x3-output:112x112x32", "Conv_1-input:7x7x320-output:7x7x1280",
        "Logits-input:7x7x1280-output:1000"}) {
    text += std::string(name) + ":\n  count: 1\n  mean: 1\n  var: 0\n";
  }
  const int stages[3][3] = {{112, 16, 24}, {56, 24, 40}, {28, 40, 80}};
  for (int s = 0; s < 3; ++s) {
    const auto [side, in, out] = stages[s];
    for (const int kernel : {3, 5, 7}) {
      for (const int expansion : {3, 6}) {
        const double ms = s + 1 + 0.1 * kernel * expansion;
        text += phone_line(side, in, side / 2, out, expansion, kernel, true, 10 * ms);
        text += phone_line(side / 2, out, side / 2, out, expansion, kernel, false, ms);
      }
    }
  }
  const Costs costs = phone_costs(space, search::PhoneTable::parse(text, "phone"), 7);
  EXPECT_NEAR(costs.total(space.uniform(3, 6)), 7, 1e-12);
  // k7 e6 against k3 e3 of the second stage: its first layer and a later one.
  EXPECT_NEAR(costs.of[3][5] / costs.of[3][0], (2 + 4.2) / (2 + 0.9), 1e-9);
  EXPECT_NEAR(costs.of[3][5] / costs.of[4][5], 10, 1e-9);
  EXPECT_NEAR(costs.of[0][0], costs.of[1][0], 1e-12);
  EXPECT_EQ(costs.of[2].back(), 0);
  EXPECT_THROW(
      phone_costs(space, search::PhoneTable::parse(text.substr(0, text.rfind("expanded")), "p"), 7),
      Error);
}

}  // namespace
}  // namespace betimes::systems::proxylessnas

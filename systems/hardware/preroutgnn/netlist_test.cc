#include "systems/hardware/preroutgnn/netlist.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/hardware/preroutgnn/graph.h"
#include "systems/hardware/preroutgnn/testing.h"

namespace betimes::systems::preroutgnn {
namespace {

Netlist parse(const std::string& text) {
  return parse_netlist(text, stand_in_library(), "small.v");
}

/// The message that refusing gives; empty: it isn't refused.
std::string refusal(const std::string& text) {
  try {
    make_graph(parse(text), stand_in_library());
  } catch (const Error& problem) {
    return problem.what();
  }
  return {};
}

TEST(PreRouteNetlist, ReadsPortsVectorsAliasesAndEscapedNames) {
  const Netlist netlist = parse(small_netlist);
  EXPECT_EQ(netlist.name, "small");
  ASSERT_EQ(netlist.ports.size(), 4u);
  EXPECT_EQ(netlist.ports[1].name, "a[0]");
  EXPECT_EQ(netlist.ports[2].name, "a[1]");
  ASSERT_EQ(netlist.instances.size(), 3u);
  EXPECT_EQ(netlist.instances[0].name, "g.1");
  EXPECT_EQ(netlist.instances[0].nets[0], netlist.ports[1].net);
  EXPECT_EQ(netlist.instances[2].nets[1], netlist.ports[3].net) << "y is n2";
}

TEST(PreRouteNetlist, JoinsBitsAndKnowsConstants) {
  const Netlist netlist = parse(
      "module t(a, y); input [3:0] a; output [3:0] y; wire w;\n"
      "assign {y[0], y[1]} = a[1:0]; assign y[3:2] = {1'b0, w};\n"
      "INV i(.A(a[3]), .Y(w)); endmodule");
  EXPECT_EQ(netlist.ports[4].net, netlist.ports[1].net) << "y[0] is a[1]";
  EXPECT_EQ(netlist.ports[5].net, netlist.ports[0].net);
  EXPECT_EQ(netlist.ports[6].net, netlist.instances[0].nets[1]);
  EXPECT_EQ(netlist.ports[7].net, Netlist::constant);
}

TEST(PreRouteNetlist, RefusesByNameAndLine) {
  const std::string good = small_netlist;
  EXPECT_EQ(refusal(good), "");
  EXPECT_NE(refusal(with(good, "INV g2", "NOR9 g2")).find("small.v, line 11"), std::string::npos);
  EXPECT_NE(refusal(with(good, "INV g2", "NOR9 g2")).find("NOR9"), std::string::npos);
  EXPECT_NE(refusal(with(good, ".B(a[1])", ".B(a[2])")).find("a[2]"), std::string::npos);
  EXPECT_NE(refusal(with(good, ".A(q)", ".Q(q)")).find("no pin Q"), std::string::npos);
  EXPECT_NE(refusal(with(good, ".A(q)", ".A(nowhere)")).find("nowhere"), std::string::npos);
  EXPECT_NE(refusal(with(good, ".A(q)", ".A(a)")).find("2 bits"), std::string::npos);
  EXPECT_NE(refusal(with(good, "assign y", "always y")).find("always"), std::string::npos);
  EXPECT_NE(refusal(with(good, "endmodule", "")), "");
}

TEST(PreRouteGraph, RefusesWhatCantBeTimed) {
  const std::string good = small_netlist;
  EXPECT_NE(refusal(with(good, ".Q(q)", ".Q()")).find("no driver"), std::string::npos);
  EXPECT_NE(refusal(with(good, ".A(q), ", "")).find("g2/A"), std::string::npos);
  EXPECT_NE(refusal(with(good, ".Y(n2)", ".Y(q)")).find("driven by"), std::string::npos);
  EXPECT_NE(refusal(with(good, ".A(q)", ".A(n2)")).find("combinational loop"), std::string::npos);
  EXPECT_NE(refusal(with(good, ".CLK(clk)", ".CLK(n2)")).find("isn't an input port"),
            std::string::npos);
}

TEST(PreRouteGraph, NumbersPinsByLevel) {
  const TimingGraph graph = make_graph(parse(small_netlist), stand_in_library());
  // a[0], a[1], r/Q; g/A, g/B, g2/A; g/Y, g2/Y; r/D, y. The clock is left out.
  ASSERT_EQ(graph.pins.size(), 10u);
  EXPECT_EQ(graph.levels, 4);
  EXPECT_EQ(graph.endpoints.size(), 2u);
  EXPECT_EQ(graph.launches.size(), 1u);
  EXPECT_EQ(graph.cells.size(), 3u);
  for (const TimingGraph::Pin& pin : graph.pins) EXPECT_EQ(pin.driver, pin.level % 2 == 0);
}

TEST(PreRouteNetlist, TakesOrRefusesAnyBytes) {
  Random random(1);
  const std::string good = small_netlist;
  size_t refused = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    std::string text =
        good.substr(0, random.below(8) == 0 ? random.below(good.size()) : good.size());
    for (uint64_t change = random.below(4); change > 0 && !text.empty(); --change) {
      const char* const marks = "(){}[];:,.'\\/*~0a \n";
      text[random.below(text.size())] =
          random.below(2) == 0 ? marks[random.below(19)] : static_cast<char>(random.below(256));
    }
    refused += refusal(text).empty() ? 0 : 1;
  }
  EXPECT_GT(refused, 500u);
  EXPECT_LT(refused, 3000u);
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

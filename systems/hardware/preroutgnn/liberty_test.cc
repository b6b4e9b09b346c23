#include "systems/hardware/preroutgnn/liberty.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/hardware/preroutgnn/synthesise.h"
#include "systems/hardware/preroutgnn/testing.h"

namespace betimes::systems::preroutgnn {
namespace {

const char* const small_library = R"(/* by hand */
library (small) {
  time_unit : "1ps";
  capacitive_load_unit (1, ff);
  slew_lower_threshold_pct_rise : 30; slew_upper_threshold_pct_rise : 70;
  lu_table_template (turned) {
    variable_1 : total_output_net_capacitance;
    variable_2 : input_net_transition;
    index_1 ("1, 2"); index_2 ("10, 20, 40");
  }
  cell (INV) {
    area : 2.5
    pin (A) { direction : input; capacitance : 3; fall_capacitance : 4; }
    pin (Y) {
      direction : "output"; function : "!A";
      timing () {
        related_pin : "A"; timing_sense : negative_unate;
        cell_rise (turned) { values ("1, 2, 3", \
          "4, 5, 6"); }
        rise_transition (scalar) { values ("7"); }
        cell_fall (turned) { index_1 ("5, 50"); values ("1, 2, 3", "4, 5, 6"); }
        fall_transition (scalar) { values ("8"); }
      }
      internal_power () { rise_power (unknown) { values ("1"); } }
    }
  }
}
)";

std::string refusal(const std::string& text) {
  try {
    parse_liberty(text, "small.lib");
  } catch (const Error& problem) {
    return problem.what();
  }
  return {};
}

TEST(PreRouteLiberty, BringsUnitsAndAxesToOurs) {
  const Library library = parse_liberty(small_library, "small.lib");
  ASSERT_EQ(library.cells.size(), 1u);
  const LibraryCell& cell = library.cells[0];
  EXPECT_DOUBLE_EQ(cell.area, 2.5);
  EXPECT_FLOAT_EQ(cell.pins[0].capacitance[rising], 0.003f);
  EXPECT_FLOAT_EQ(cell.pins[0].capacitance[falling], 0.004f);
  EXPECT_EQ(cell.pins[1].function, "!A");
  ASSERT_EQ(cell.arcs.size(), 1u);
  const TimingArc& arc = cell.arcs[0];
  EXPECT_EQ(arc.sense, Sense::negative);
  EXPECT_EQ(arc.from, 0u);
  EXPECT_EQ(arc.to, 1u);
  // Rows are slews: 10, 20 and 40 ps; columns loads: 1 and 2 fF.
  EXPECT_EQ(arc.delay[rising].rows.size(), 3u);
  EXPECT_NEAR(arc.delay[rising].at(0.02, 0.002), 0.005, 1e-8);
  EXPECT_NEAR(arc.delay[falling].at(0.04, 0.05), 0.006, 1e-8) << "an axis of its own";
  EXPECT_NEAR(arc.slew[falling].at(3, 3), 0.008, 1e-8);
  EXPECT_DOUBLE_EQ(library.slews.lower, 0.3);
}

TEST(PreRouteLiberty, RefusesWithTheLine) {
  const std::string good = small_library;
  EXPECT_NE(refusal(with(good, "\"4, 5, 6\"); }\n        rise", "\"4, 5\"); }\n        rise"))
                .find("small.lib, line 18"),
            std::string::npos);
  EXPECT_NE(refusal(with(good, "related_pin : \"A\"", "related_pin : \"B\"")).find("no pin B"),
            std::string::npos);
  EXPECT_NE(refusal(with(good, "10, 20, 40", "10, 20, 20")).find("doesn't rise"),
            std::string::npos);
  EXPECT_NE(refusal(with(good, "1ps", "1parsec")).find("parsec"), std::string::npos);
  EXPECT_NE(
      refusal(with(good, "variable_2 : input_net_transition", "variable_2 : mood")).find("mood"),
      std::string::npos);
  EXPECT_NE(refusal(with(good, "cell_rise (turned)", "cell_rise (other)")).find("other"),
            std::string::npos);
  EXPECT_NE(refusal(good + "x"), "");
  std::string often;
  for (int i = 0; i < 70'000; ++i) often += "A ";
  EXPECT_NE(refusal(with(good, "related_pin : \"A\"", "related_pin : \"" + often + "\""))
                .find("too many"),
            std::string::npos);
  std::string deep = "library (l) {";
  for (int i = 0; i < 100'000; ++i) deep += "a () {";
  EXPECT_NE(refusal(deep).find("deeper"), std::string::npos);
}

TEST(PreRouteLiberty, TakesOrRefusesAnyBytes) {
  Random random(2);
  const std::string good = small_library;
  size_t refused = 0;
  for (int trial = 0; trial < 4000; ++trial) {
    std::string text =
        good.substr(0, random.below(8) == 0 ? random.below(good.size()) : good.size());
    for (uint64_t change = random.below(4); change > 0 && !text.empty(); --change) {
      const char* const marks = "(){};:,\"/*\\0-e \n";
      text[random.below(text.size())] =
          random.below(2) == 0 ? marks[random.below(16)] : static_cast<char>(random.below(256));
    }
    refused += refusal(text).empty() ? 0 : 1;
  }
  EXPECT_GT(refused, 500u);
  EXPECT_LT(refused, 4000u);
}

TEST(PreRouteLiberty, ReadsTheLibraryThatDesignsAreMappedTo) {
  if (!toolchain_present()) GTEST_SKIP() << "Debian's qflow-tech-osu018 or yosys isn't installed";
  const Library library = read_liberty(find_toolchain().liberty);
  EXPECT_EQ(library.name, "osu018_stdcells");
  const int gate = library.find("AND2X2"), flop = library.find("DFFPOSX1");
  ASSERT_GE(gate, 0);
  ASSERT_GE(flop, 0);
  const TimingArc& arc = library.cells[static_cast<size_t>(gate)].arcs[0];
  EXPECT_EQ(arc.sense, Sense::positive);
  // Entries of the file: by load 0.05 pF and slew 0.18 ns.
  EXPECT_NEAR(arc.delay[rising].at(0.18, 0.05), 0.131824, 1e-6);
  EXPECT_NEAR(arc.slew[falling].at(1.2, 0.01), 0.0654, 1e-6);
  const LibraryCell& register_cell = library.cells[static_cast<size_t>(flop)];
  EXPECT_EQ(register_cell.kind, CellKind::flip_flop);
  EXPECT_EQ(register_cell.arcs.size(), 3u) << "hold, setup, launch";
  EXPECT_EQ(library.cells[static_cast<size_t>(library.find("LATCH"))].kind, CellKind::latch);
  EXPECT_TRUE(library.cells[static_cast<size_t>(library.find("TBUFX1"))].three_state);
}

TEST(PreRouteLiberty, ReadsOtherTechnologies) {
  if (!std::filesystem::exists(shared_file("sta-gcd"))) {
    GTEST_SKIP() << "the shared folder isn't there";
  }
  const Library sky = read_liberty(shared_file("sta-gcd/sky130hd_tt.lib.gz"));
  EXPECT_GT(sky.cells.size(), 300u);
  EXPECT_EQ(sky.cells[static_cast<size_t>(sky.find("sky130_fd_sc_hd__dfxtp_1"))].kind,
            CellKind::flip_flop);
  for (const char* const name : {"ss", "ff"}) {
    const Library small =
        read_liberty(shared_file(std::string("sta-gcd/asap7_small_") + name + ".lib.gz"));
    ASSERT_FALSE(small.cells.empty());
    for (const LibraryCell& cell : small.cells) {
      for (const LibraryPin& pin : cell.pins) EXPECT_LT(pin.capacitance[rising], 0.1f) << "pF";
    }
  }
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

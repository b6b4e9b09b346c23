#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <sstream>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "systems/hardware/common/process.h"
#include "systems/hardware/preroutgnn/designs.h"
#include "systems/hardware/preroutgnn/liberty.h"
#include "systems/hardware/preroutgnn/opensta_testing.h"
#include "systems/hardware/preroutgnn/synthesise.h"

namespace betimes::systems::preroutgnn {
namespace {

/// By endpoint: early rise, late rise, early fall, late fall as OpenSTA prints them.
using Printed = std::array<double, 4>;

struct Report {
  std::vector<Printed> arrival, slack;
};

Report read_report(const std::string& text, size_t endpoints) {
  Report report;
  std::istringstream lines(text);
  bool arrival = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("@ ", 0) == 0) {
      arrival = true;
      continue;
    }
    Printed found{};
    const size_t at = line.find(" r ");
    if (at == std::string::npos || std::sscanf(line.c_str() + at, " r %lf:%lf f %lf:%lf", &found[0],
                                               &found[1], &found[2], &found[3]) != 4) {
      throw Error("sta", line);
    }
    (arrival ? report.arrival : report.slack).push_back(found);
    arrival = false;
  }
  if (report.arrival.size() != endpoints || report.slack.size() != endpoints) {
    throw Error("sta", "left out endpoints");
  }
  return report;
}

void compare(const Design& design) {
  const Toolchain tools = find_toolchain();
  const Library library = read_liberty(tools.liberty);
  const Netlist netlist =
      parse_netlist(synthesise(tools, design.verilog, design.module()), library, design.name);
  LabelOptions options;
  options.seed = 11;
  const Labelled made = label(netlist, library, place(netlist, library), options);
  const OpenStaFiles files(made, netlist, library, options);
  const TemporaryFolder folder;
  write_file(folder.at("top.v"), files.verilog());
  write_file(folder.at("top.spef"), files.spef());
  write_file(folder.at("top.tcl"), files.script(tools.liberty, folder.path().string()));
  hardware::Limits limits;
  limits.seconds = 300;
  const hardware::Finished run = hardware::run_program(
      {hardware::find_program("sta"), "-no_splash", "-exit", folder.at("top.tcl")}, limits);
  const Report report = read_report(run.out, made.graph.endpoints.size());
  double worst_arrival = 0, worst_slack = 0;
  const Corner order[] = {early_rise, late_rise, early_fall, late_fall};
  for (size_t i = 0; i < made.graph.endpoints.size(); ++i) {
    const Times& arrival = made.routed.arrival[static_cast<size_t>(made.graph.endpoints[i].pin)];
    for (size_t c = 0; c < corner_count; ++c) {
      const double ours = arrival[order[c]], theirs = report.arrival[i][c];
      worst_arrival = std::max(worst_arrival, std::abs(ours - theirs) / theirs);
      const double required = made.routed.required[i][order[c]];
      const double slack = c % 2 == 1 ? required - ours : ours - required;
      worst_slack = std::max(worst_slack, std::abs(slack - report.slack[i][c]));
    }
  }
  std::printf("%s: %zu pins, %zu endpoints, largest error of arrivals %.4f %%, of slacks %.6f ns\n",
              design.name.c_str(), made.graph.pins.size(), made.graph.endpoints.size(),
              worst_arrival * 100, worst_slack);
  EXPECT_LT(worst_arrival, 0.01);
  EXPECT_LT(worst_slack, 0.01 * made.period);
}

TEST(PreRouteOpenSta, AgreesOnThreeDesigns) {
  if (!toolchain_present() || hardware::find_program("sta").empty()) {
    GTEST_SKIP() << "Debian's opensta, yosys or qflow-tech-osu018 isn't installed";
  }
  compare(crc(16, 0x8005, 16));
  compare(array_multiplier(6));
  compare(fifo(8, 8));
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

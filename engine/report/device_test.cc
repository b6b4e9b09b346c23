#include "betimes/report/device.h"

#include <gtest/gtest.h>

#include <sstream>

#include "betimes/cost/reference_set.h"
#include "betimes/report/detail/text.h"

namespace betimes::report {
namespace {

cost::Device sample() {
  cost::Device device;
  device.name = "desk";
  device.runtime = "betimes 0.1.0";
  device.date = "2026-11-27T18:00Z";
  device.machine.cpu = "A processor";
  device.machine.cpus = 4;
  device.machine.threads = 2;
  device.machine.read_gb_per_s = 20.5;
  device.machine.peak_gflops_fp32 = 100;
  device.timer_ms = 2e-5;
  device.reference_set = cost::reference_set_name;
  for (const cost::ReferenceNet& net : cost::reference_nets()) {
    device.references.push_back({net.name, 1.5, 1.6, 1.8, 1.47, 1.53, 1000});
  }
  return device;
}

TEST(RenderDevice, ShowsEveryReferenceAndTheMachine) {
  const std::string text = render_text(sample(), 100);
  for (const cost::ReferenceNet& net : cost::reference_nets()) {
    EXPECT_NE(text.find(net.name), std::string::npos) << net.name;
  }
  for (const char* part : {"desk", "2 of 4 CPUs", "20.5 GB/s read", "1.50 ms", "1.80 ms", "± 2.0 %",
                           "memory bandwidth", "adds 20 ns", "typically 20 % above"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is missing in\n" << text;
  }
  EXPECT_EQ(text.find("bf16"), std::string::npos) << "there is no such instruction";
}

TEST(RenderDevice, KeepsToTheWidthAndToPrintableText) {
  cost::Device device = sample();
  device.name = "a\x1b[31m" + std::string(300, 'n');
  device.references[0].name = std::string(300, 'r') + "\x1b";
  for (const int width : {60, 80, 120}) {
    std::istringstream lines(render_text(device, width));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(detail::columns(line), std::max(width, 80)) << line;
      EXPECT_EQ(line.find('\x1b'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace betimes::report

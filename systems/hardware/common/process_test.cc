#include "systems/hardware/common/process.h"

#include <gtest/gtest.h>

#include <chrono>

#include "betimes/base/error.h"

namespace betimes::systems::hardware {
namespace {

TEST(Process, GivesWhatAProgramWrote) {
  const Finished found = run_program({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(found.out, "out\n");
  EXPECT_EQ(found.err, "err\n");
  EXPECT_EQ(found.exit, 3);
  EXPECT_EQ(run_program({"/bin/cat"}).out, "") << "there is no input";
  // More than pipes hold, on both at once.
  const Finished large =
      run_program({"/bin/sh", "-c", "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"});
  EXPECT_EQ(large.out.size() + large.err.size(), 600'000u);
}

TEST(Process, EndsProgramsThatGoBeyondTheirLimits) {
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_THROW(run_program({"/bin/sleep", "100"}, {0.05, 1000}), Error);
  EXPECT_THROW(run_program({"/bin/cat", "/dev/zero"}, {100, 100'000}), Error);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(50));
  EXPECT_THROW(run_program({"/bin/sh", "-c", "kill -9 $$"}), Error);
  EXPECT_THROW(run_program({"/nowhere/program"}), Error);
  EXPECT_THROW(run_program({}), Error);
  EXPECT_EQ(find_program("no-such-program-anywhere"), "");
  EXPECT_NE(find_program("sh"), "");
}

}  // namespace
}  // namespace betimes::systems::hardware

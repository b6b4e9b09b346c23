#include "systems/hardware/common/process.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "betimes/base/error.h"
#include "betimes/base/temporary_folder.h"

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
  // What closes its output and works on is ended, too, and what a program has started.
  EXPECT_THROW(run_program({"/bin/sh", "-c", "exec >&- 2>&-; sleep 100"}, {0.2, 1000}), Error);
  const TemporaryFolder folder;
  const std::string mark = folder.at("mark");
  const std::string started = fmt::format("(sleep 1; touch {}) & sleep 100", mark);
  EXPECT_THROW(run_program({"/bin/sh", "-c", started}, {0.2, 1000}), Error);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  EXPECT_FALSE(std::filesystem::exists(mark));
  EXPECT_THROW(run_program({"/bin/sh", "-c", "kill -9 $$"}), Error);
  EXPECT_THROW(run_program({"/nowhere/program"}), Error);
  EXPECT_THROW(run_program({}), Error);
  EXPECT_EQ(find_program("no-such-program-anywhere"), "");
  EXPECT_NE(find_program("sh"), "");
}

}  // namespace
}  // namespace betimes::systems::hardware

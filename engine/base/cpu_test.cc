#include "betimes/base/cpu.h"

#include <gtest/gtest.h>
#include <oneapi/dnnl/dnnl.h>

#include <cstdlib>

#include "betimes/base/error.h"
#include "betimes/base/threads.h"

namespace betimes {
namespace {

// What a capped process does must be seen in a process of its own: the cap can't be lifted.
class CpuDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

void exit_unless(bool ok) { std::exit(ok ? 0 : 1); }

TEST(Cpu, NamesRoundTrip) {
  for (const Isa isa :
       {Isa::scalar, Isa::sse41, Isa::avx2, Isa::avx512, Isa::avx512_vnni, Isa::avx512_bf16}) {
    EXPECT_EQ(parse_isa(name(isa)), isa);
  }
  EXPECT_EQ(parse_isa("mmx"), std::nullopt);
  EXPECT_EQ(parse_isa(""), std::nullopt);
}

TEST(Cpu, InfoIsFilled) {
  EXPECT_FALSE(cpu_info().model.empty());
  EXPECT_EQ(cpu_info().cpus, available_cpus());
  EXPECT_GE(cpu_info().l2_bytes, 0);
  EXPECT_LE(active_isa(), detected_isa());
}

TEST_F(CpuDeathTest, CapHoldsForUsAndForOneDnn) {
  if (detected_isa() < Isa::sse41) GTEST_SKIP() << "this processor has no levels to cap";
  EXPECT_EXIT(
      {
        unsetenv("BETIMES_ISA");
        cap_isa(Isa::sse41);
        exit_unless(active_isa() == Isa::sse41 &&
                    dnnl_get_effective_cpu_isa() == dnnl_cpu_isa_sse41);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(CpuDeathTest, EnvironmentCaps) {
  if (detected_isa() < Isa::sse41) GTEST_SKIP() << "this processor has no levels to cap";
  EXPECT_EXIT(
      {
        setenv("BETIMES_ISA", "sse41", 1);
        exit_unless(active_isa() == Isa::sse41 &&
                    dnnl_get_effective_cpu_isa() == dnnl_cpu_isa_sse41);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(CpuDeathTest, CapCanBeLoweredTwiceButNotRaised) {
  if (detected_isa() < Isa::avx2) GTEST_SKIP() << "needs two levels";
  EXPECT_EXIT(
      {
        unsetenv("BETIMES_ISA");
        cap_isa(Isa::avx2);
        cap_isa(Isa::sse41);
        cap_isa(Isa::avx512_bf16);
        exit_unless(active_isa() == Isa::sse41);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(CpuDeathTest, TooLateIsAnError) {
  if (detected_isa() < Isa::avx2) GTEST_SKIP() << "needs two levels";
  EXPECT_EXIT(
      {
        unsetenv("BETIMES_ISA");
        active_isa();
        try {
          cap_isa(Isa::sse41);
          std::exit(1);
        } catch (const Error&) {
          exit_unless(active_isa() > Isa::sse41);
        }
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(CpuDeathTest, TooLateForOneDnnIsAnError) {
  if (detected_isa() < Isa::avx2) GTEST_SKIP() << "needs two levels";
  EXPECT_EXIT(
      {
        unsetenv("BETIMES_ISA");
        dnnl_get_effective_cpu_isa();  // oneDNN looks, as it does when a primitive is made
        cap_isa(Isa::sse41);
        try {
          active_isa();
          std::exit(1);
        } catch (const Error&) {
          std::exit(0);
        }
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(CpuDeathTest, UnknownLevelInTheEnvironmentIsAnError) {
  EXPECT_EXIT(
      {
        setenv("BETIMES_ISA", "avx3", 1);
        try {
          active_isa();
          std::exit(1);
        } catch (const Error& problem) {
          exit_unless(std::string(problem.what()).find("avx512_vnni") != std::string::npos);
        }
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace betimes

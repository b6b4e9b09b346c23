#include "betimes/base/threads.h"

#include <gtest/gtest.h>
#include <omp.h>
#include <sched.h>

#include <vector>

#include "betimes/base/error.h"

namespace betimes {
namespace {

/// How many CPUs each member of a team of `count` may run on.
std::vector<int> cpus_of_team(int count) {
  std::vector<int> result(static_cast<size_t>(count));
#pragma omp parallel num_threads(count)
  {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    sched_getaffinity(0, sizeof mask, &mask);
    result[static_cast<size_t>(omp_get_thread_num())] = CPU_COUNT(&mask);
  }
  return result;
}

TEST(Threads, TeamSize) {
  const int before = threads();
  for (int n = 1; n <= available_cpus(); ++n) {
    set_threads(n);
    EXPECT_EQ(threads(), n);
    int team = 0;
#pragma omp parallel
#pragma omp single
    team = omp_get_num_threads();
    EXPECT_EQ(team, n);
  }
  set_threads(before);
}

TEST(Threads, ImpossibleCountsAreErrors) {
  EXPECT_THROW(set_threads(0), Error);
  EXPECT_THROW(set_threads(-3), Error);
  EXPECT_THROW(set_threads(available_cpus() + 1), Error);
  EXPECT_THROW(PinnedTeam(available_cpus() + 1), Error);
}

TEST(Threads, TeamOfOneIsLeftToTheSystem) {
  const PinnedTeam team(1);
  EXPECT_FALSE(team.pinned());
  EXPECT_EQ(threads(), 1);
  EXPECT_EQ(cpus_of_team(1).front(), available_cpus());
}

TEST(Threads, PinnedTeamHasOneCpuEachAndIsUndone) {
  const int n = available_cpus();
  const int before = threads();
  {
    const PinnedTeam team(n);
    if (!team.pinned()) GTEST_SKIP() << "one CPU only, or the system refuses to pin threads";
    EXPECT_EQ(threads(), n);
    for (const int cpus : cpus_of_team(n)) EXPECT_EQ(cpus, 1);
    EXPECT_EQ(available_cpus(), n);
  }
  for (const int cpus : cpus_of_team(n)) EXPECT_EQ(cpus, n);
  EXPECT_EQ(threads(), before);
}

}  // namespace
}  // namespace betimes

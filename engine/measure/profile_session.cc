#include <algorithm>
#include <numeric>
#include <random>

#include "betimes/measure/profile.h"

namespace betimes::measure {
namespace {

constexpr int warmup_runs = 3;
constexpr int turn_runs = 8;

using Times = std::vector<std::vector<int64_t>>;  // per run: ns of each step, then of the whole

Times places(const runtime::Session& session, int runs) {
  return Times(static_cast<size_t>(std::max(runs, 1)),
               std::vector<int64_t>(session.plan().steps().size() + 1));
}

}  // namespace

Profile profile(runtime::Session& session, int runs) {
  Times times = places(session, runs);
  for (int i = 0; i < warmup_runs; ++i) session.run_profiled(times.front());
  for (auto& run : times) session.run_profiled(run);
  return summarize(session.plan().steps(), times);
}

std::vector<Profile> profile_interleaved(const std::vector<runtime::Session*>& sessions, int runs,
                                         uint64_t seed) {
  std::vector<Times> times;
  for (const runtime::Session* session : sessions) times.push_back(places(*session, runs));
  std::vector<size_t> order(sessions.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::mt19937_64 random(seed);
  const auto count = static_cast<size_t>(std::max(runs, 1));
  for (size_t done = 0; done < count; done += turn_runs) {
    std::shuffle(order.begin(), order.end(), random);
    for (const size_t i : order) {
      // Not sampled: it only brings back the caches that the others had taken.
      sessions[i]->run_profiled(times[i][done]);
      for (size_t run = done; run < std::min(done + turn_runs, count); ++run) {
        sessions[i]->run_profiled(times[i][run]);
      }
    }
  }
  std::vector<Profile> profiles;
  for (size_t i = 0; i < sessions.size(); ++i) {
    profiles.push_back(summarize(sessions[i]->plan().steps(), times[i]));
  }
  return profiles;
}

}  // namespace betimes::measure

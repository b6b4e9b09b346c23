#include <algorithm>

#include "betimes/measure/profile.h"

namespace betimes::measure {
namespace {

constexpr int warmup_runs = 3;

}  // namespace

Profile profile(runtime::Session& session, int runs) {
  const std::vector<runtime::StepInfo>& steps = session.plan().steps();
  std::vector<std::vector<int64_t>> times(static_cast<size_t>(std::max(runs, 1)),
                                          std::vector<int64_t>(steps.size() + 1));
  for (int i = 0; i < warmup_runs; ++i) session.run_profiled(times.front());
  for (auto& run : times) session.run_profiled(run);
  return summarize(steps, times);
}

}  // namespace betimes::measure

#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "betimes/fit/optimize.h"
#include "betimes/fit/workload.h"
#include "betimes/measure/latency.h"
#include "betimes/measure/machine.h"

namespace betimes::fit {

/// Latencies of alternatives, as measure::measure_interleaved() finds them.
using LatencyMeter =
    std::function<std::vector<measure::Latency>(const std::vector<std::function<void()>>& runs,
                                                const measure::Options& options, uint64_t seed)>;

struct WorkloadFitOptions {
  std::optional<Budget> budget;      // nullopt: the knee of the measured frontier is taken
  std::string search = "evolution";  // as for make_search()
  int64_t evaluations = 60;          // settings in the ledger, the standard one included
  double seconds = std::numeric_limits<double>::infinity();  // of the search
  uint64_t seed = 1;
  std::string problem;  // whose ledger it is, and a name for people: "sdim"
  std::string ledger;   // path; empty: in memory only
  /// Workers side by side disturb each other's latencies: one, where settings may crash or hang.
  PoolOptions pool;
  /// Where settings are tried; empty: by make_pool(). The standard setting and the finalists are
  /// measured here in any case.
  PoolMaker make_pool;
  double measure_seconds = 1;  // at most, for the latency of each setting tried
  double verify_seconds = 10;  // at most, for the finalists beside the standard setting
  int finalists = 4;
  int threads = 1;                          // the workload's own, stated with the machine
  std::optional<measure::Machine> machine;  // nullopt: probed here, which takes a moment
  LatencyMeter meter;                       // empty: measured here
  std::function<void(double fraction, const std::string& what)> progress;  // may be empty
};

/// A setting that was measured for long and scored on the test part.
struct FittedSetting {
  Setting setting;
  measure::Latency latency;  // interleaved with the others; first_ms includes what apply() takes
  judge::Quality validation;
  judge::Quality test;
  size_t memory_bytes = 0;  // 0: not known
};

/// One setting of the ledger, as a report shows it.
struct TriedSetting {
  Entry entry;  // `found` is what the finalists' measurement corrected, where it was a finalist
  bool on_frontier = false;  // of median latency and quality on validation data
  bool finalist = false;
  bool chosen = false;
};

/// Everything that a fit of a workload found.
struct WorkloadFit {
  std::string problem;
  std::string search;
  std::string objective;
  Budget budget;
  bool budget_was_chosen = false;  // at the knee of the frontier
  bool met = false;
  std::string verdict;  // one sentence, the reason included when the budget isn't met
  FittedSetting standard;
  FittedSetting chosen;
  std::vector<std::string> changes;  // "depth: 6 -> 4"
  std::vector<TriedSetting> tried;   // the standard setting first
  int64_t failed = 0;                // of those tried
  std::string stopped;               // why the search ended
  std::string ledger;                // path; empty: none
  std::string ledger_note;           // what of it had to be dropped; empty: nothing
  measure::Machine machine;
  uint64_t seed = 0;
  double seconds = 0;
};

/// Finds the setting of a workload that keeps a budget with the best quality. Settings are proposed
/// by the search, scored on validation data and timed shortly; the best of them are then timed
/// beside the standard setting, in turns and for long, and one that doesn't keep the budget there
/// makes room for the next. Quality on the test part, which nothing has used before, is found of
/// the choice and of the standard setting only. Throws Error when the standard setting can't be
/// evaluated, for a bound on memory where the workload doesn't know its memory, and as optimize(),
/// make_search() and Ledger::open() do.
WorkloadFit fit_workload(Workload& workload, const WorkloadFitOptions& options);

/// The part of a process that only tries settings for a fit elsewhere, with a workload and options
/// like those there: `serve` gets an evaluator that does with a setting what fit_workload() does.
/// Returns what `serve` does.
int64_t serve_workload(Workload& workload, const WorkloadFitOptions& options,
                       const std::function<int64_t(Evaluator, const KnobSpace&)>& serve);

}  // namespace betimes::fit

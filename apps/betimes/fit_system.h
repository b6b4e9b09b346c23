#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "betimes/fit/budget.h"
#include "betimes/system/system.h"

namespace CLI {
class App;
}

namespace betimes::cli {

/// Options of `fit` that only a system has: its knobs are searched, not a graph's precisions.
struct SystemSearch {
  std::string search = "evolution";
  int64_t evaluations = 60;
  std::string ledger;
  std::string weights;
};
void declare_system_search(CLI::App& command, SystemSearch& options);

/// What both kinds of fit take.
struct FitCommon {
  std::optional<fit::Budget> budget;
  std::string data;
  std::vector<int> threads;
  uint64_t seed = 1;
  double max_seconds = 45;
  bool json = false;
  std::string out;
};

/// Fits a system's knobs and writes the setting as JSON to `out`; returns the exit code. Started by
/// mpirun, rank 0 does that, and the others try settings for it.
int fit_system(const system::System& system, const SystemSearch& search, const FitCommon& common);

}  // namespace betimes::cli

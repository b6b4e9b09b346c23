#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "betimes/measure/latency.h"

namespace betimes::fit {

/// An upper bound on one latency statistic.
struct Bound {
  std::string statistic;  // "p50", "p90", "p99" or "mean"
  double milliseconds = 0;
};

struct Budget {
  std::vector<Bound> bounds;
  std::optional<double> quality_floor;  // least acceptable quality, in [0, 1]
  std::optional<size_t> memory;         // most bytes of weights + activations
};

/// Reads budgets as people say them: "5ms", "p99<=5ms", "p50<2ms,p99<=4ms", "800us", "0.5s". A bare
/// time bounds p99. Throws Error that shows the forms understood.
Budget parse_budget(std::string_view text);
/// Reads "1500000", "512KB", "4MiB", "1GB". Throws Error.
size_t parse_bytes(std::string_view text);
std::string to_string(const Budget& budget);

/// Whether the bounds on latency hold for what was measured.
bool latency_met(const Budget& budget, const measure::Latency& latency);
/// The largest ratio of a measured statistic to its bound: <= 1 means met, 2 means twice too slow.
double pressure(const Budget& budget, const measure::Latency& latency);

}  // namespace betimes::fit

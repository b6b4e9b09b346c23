#pragma once

#include <string>
#include <vector>

#include "bench/compare/compare.h"

namespace betimes::bench {

/// All that one run of the comparison found.
struct Outcome {
  std::vector<Comparison> comparisons;
  std::vector<std::string> left_out;  // "model: why"
  std::string peer_version;
  std::string environment;  // machine, instruction set, bandwidth, peak, load, date
  uint64_t seed = 1;
};

/// The tables of docs/performance.md: one a precision, and the geometric means.
std::string markdown(const Outcome& outcome);
std::string json(const Outcome& outcome);

}  // namespace betimes::bench

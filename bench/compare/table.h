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

/// Puts `text` between the lines "<!-- begin NAME -->" and "<!-- end NAME -->" of a file. Throws
/// Error when it has no such lines.
void write_between(const std::string& path, const std::string& name, const std::string& text);

}  // namespace betimes::bench

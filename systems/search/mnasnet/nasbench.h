#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "systems/search/mnasnet/tokens.h"

// NAS-Bench-201 (Dong and Yang, ICLR 2020): 15,625 cells of six edges with five operators each, all
// of them trained, so that the true front and the true best are known; latencies on 24 devices as
// HELP (Lee et al., 2021) publishes them.

namespace betimes::systems::mnasnet {

class NasBench {
 public:
  static constexpr int edges = 6, operators = 5;
  static constexpr size_t cells = 15'625;

  /// Reads help-nas-latency/ below `data`, accuracies on CIFAR-100. Throws Error naming file and
  /// line for anything malformed, and unless every cell is there once.
  explicit NasBench(const std::string& data);
  static bool present(const std::string& data);

  /// Six tokens of five operators.
  static TokenSpace space();
  /// What is known of that cell on that device; throws Error for an unknown device.
  Judged judged(const Tokens& tokens, const std::string& device) const;
  std::vector<Trial> all(const std::string& device) const;
  std::string text(const Tokens& tokens) const;

 private:
  std::vector<double> accuracy_;                   // by code(), in (0, 1]
  std::map<std::string, std::vector<double>> ms_;  // device -> by code()
  const std::vector<double>& of(const std::string& device) const;
};

/// "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|" as six choices. Throws Error.
Tokens parse_cell(std::string_view text, const std::string& where);
/// A number for every cell.
size_t code(const Tokens& tokens);
/// Multiply-accumulates of one 32 x 32 image: 3 stages of 5 cells, 16, 32 and 64 channels, with
/// stem and the two reductions between stages.
double cell_macs(const Tokens& tokens);

}  // namespace betimes::systems::mnasnet

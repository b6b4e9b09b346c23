#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "systems/hardware/preroutgnn/circuit.h"

// A circuit's numbers as the network has them.

namespace betimes::systems::preroutgnn {

constexpr size_t level_feature_count = 9;
/// level / 200, then sin(pi 2^k level / 200), cos(pi 2^k level / 200) for k = 0..3.
std::array<float, level_feature_count> level_features(int64_t level);

constexpr size_t edge_feature_count = 12;  // of the auto-encoder's edges
using EdgeFeatures = std::array<float, edge_feature_count>;

/// What brings numbers near 1, from the training designs.
struct Statistics {
  std::array<float, node_feature_count> mean{}, deviation{};  // of capacitances; else 0 and 1
  float distance = 1;                                         // um: root mean square of dx and dy
  float delay = 1;  // ns: root mean square of cell delays, the unit of increments
  float arrival_mean = 0, arrival_deviation = 1;  // ns
  float key = 1;  // root mean square of products of the tables' axes
  bool operator==(const Statistics&) const = default;
};
/// Throws Error for no circuit, none with a net and a cell, or numbers that aren't finite.
Statistics fit_statistics(std::span<const Circuit> training, std::span<const Arc> library);

/// As a file's metadata, exactly, and back; throws Error naming `where` for what is missing.
std::map<std::string, std::string> format_statistics(const Statistics& statistics);
Statistics parse_statistics(const std::map<std::string, std::string>& metadata,
                            const std::string& where);

NodeFeatures normalised(const NodeFeatures& features, const Statistics& statistics);
/// Net: 0, 1, zeros, dx, dy. Cell: 1, 0, the means of its tables, zeros. Along the signal; the
/// reversed edge has all of it negated.
EdgeFeatures net_edge_features(const NetEdge& edge, const Statistics& statistics);
EdgeFeatures cell_edge_features(const Arc& arc, const Statistics& statistics);
/// Mean of a table's real entries over the unit of delays; 0 for none.
float table_mean(const DelayTable& table, const Statistics& statistics);

// What is learned instead of times in ns, and back. Arrivals beyond 1e20 are 0.
float log_slew(float slew);
float slew_of(float logarithm);
float log_net_delay(float delay);
float net_delay_of(float logarithm);
float sane_arrival(float arrival);

}  // namespace betimes::systems::preroutgnn

#pragma once

#include <string>
#include <vector>

#include "betimes/graph/graph.h"

namespace betimes::cost {

/// Names the networks below and their order. What they are never changes under one name: latencies
/// of different devices would no longer be of the same work.
inline constexpr const char* reference_set_name = "betimes-1";

/// A small network that one part of a device decides the time of.
struct ReferenceNet {
  std::string name;
  std::string stresses;    // that part, for people
  graph::Graph (*make)();  // fixed shapes, seeded weights
};

/// The ten reference networks: together they take well under a second a run, and every kind of
/// kernel has one that it dominates.
const std::vector<ReferenceNet>& reference_nets();

}  // namespace betimes::cost

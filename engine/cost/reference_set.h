#pragma once

#include <functional>
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
  std::string stresses;                // that part, for people
  std::function<graph::Graph()> make;  // fixed shapes, seeded weights
};

/// The ten reference networks: together they take well under a second a run, and every kind of
/// kernel has one that it dominates.
const std::vector<ReferenceNet>& reference_nets();

/// Ten networks of NAS-Bench-201 whose latencies were published for many devices: for runtimes that
/// leave out what leads nowhere, and for those that compute every edge.
inline constexpr const char* published_set_name = "nas-bench-201";
inline constexpr const char* whole_published_set_name = "nas-bench-201-whole";

/// The networks of a set by its name; nullptr: this program has none of that name.
const std::vector<ReferenceNet>* find_reference_set(const std::string& name);

}  // namespace betimes::cost

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "betimes/graph/graph.h"

namespace betimes::bench {

/// A made network: random shapes, the structure of one family.
struct MadeNet {
  std::string name;    // "mobile 17"
  std::string family;  // "mobile"
  graph::Graph graph;
  bool bf16 = false;  // to be compiled with every node in bf16
};

/// The names of the families.
const std::vector<std::string>& families();

/// Network `index`, whose family is families()[index % families().size()]: the same network for the
/// same index everywhere, of 400 million multiply-accumulates or so at most.
MadeNet make_net(uint64_t index);

}  // namespace betimes::bench

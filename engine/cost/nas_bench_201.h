#pragma once

#include <string>
#include <vector>

#include "betimes/cost/reference_set.h"
#include "betimes/graph/graph.h"

namespace betimes::cost {

/// A network of NAS-Bench-201 (Dong and Yang, 2020) as it is trained on CIFAR-10: a stem of 16
/// channels, three stages of five equal cells of 16, 32 and 64 channels, batch normalization
/// folded. `cell` is its string, "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|" with the operators none,
/// skip_connect, nor_conv_1x1, nor_conv_3x3 and avg_pool_3x3. Throws Error for anything else.
/// `whole`: "none" is a product with 0, as the benchmark's own code has it, so that all edges are
/// computed; else such edges, and what only leads into them, are left out, as a converter does.
graph::Graph nas_bench_201(const std::string& name, const std::string& cell, bool whole);

/// The ten networks whose latencies describe a device in HELP (Lee et al., 2021), in its order.
const std::vector<ReferenceNet>& nas_bench_201_references(bool whole);

}  // namespace betimes::cost

#pragma once

#include <functional>
#include <vector>

#include "betimes/graph/graph.h"
#include "systems/search/common/latency_table.h"

namespace betimes::systems::search {

struct TimingOptions {
  double seconds = 20;  // for all that is timed in one call
  int rounds = 60;      // turns of each at least, unless the time runs out
  uint64_t seed = 1;    // of the weights and of the turns' order
};

/// Median milliseconds of one image on one thread of the project's runtime, with how far the
/// quartiles lie apart relative to it.
struct Timing {
  double ms = 0;
  double spread = 0;
};

/// Times graphs interleaved, in turns of a shuffled order, so that the machine's drift falls on
/// all.
std::vector<Timing> time_graphs(const std::vector<graph::Graph>& graphs,
                                const TimingOptions& options);
/// Networks with random weights, on which latency doesn't hang. Those whose quartiles spread by
/// more than 10 % are timed once more, together, and the calmer measurement counts.
std::vector<Timing> time_nets(const std::vector<BlockNet>& nets, const TimingOptions& options);

/// Every layer that occurs, timed by itself; an empty graph's time, which every measurement
/// contains, is taken off. Zero layers are left out.
LatencyTable measure_table(const std::vector<Layer>& layers, const TimingOptions& options);

}  // namespace betimes::systems::search

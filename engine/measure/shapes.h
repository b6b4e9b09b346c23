#pragma once

#include <map>
#include <string>
#include <vector>

#include "betimes/measure/latency.h"
#include "betimes/runtime/dynamic_session.h"

namespace betimes::measure {

/// One combination of input shapes of a model that takes several.
struct ShapeLatency {
  std::map<std::string, Shape> shapes;  // by input
  /// What its first run spent on planning; 0 where a plan served that an earlier one had made.
  double compile_ms = 0;
  Latency latency;  // of whole calls: padding to a bucket and copies in and out are in it
};

struct ShapeLatencies {
  std::vector<ShapeLatency> shapes;  // in the order given
  runtime::PlanCounts counts;        // after the last run
};

/// Meets each of the inputs once, in the order given, and notes what the new shape cost; then
/// measures all of them, interleaved as measure_interleaved does it. Throws Error for inputs that
/// the model doesn't take.
ShapeLatencies measure_shapes(runtime::DynamicSession& session,
                              const std::vector<std::map<std::string, Tensor>>& inputs,
                              const Options& options, uint64_t seed);

}  // namespace betimes::measure

#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "betimes/learn/trace.h"

namespace betimes::learn::detail {

/// learn::trace of a function whose parameters want no gradient, and are named by the address of
/// their data.
graph::Graph trace_function(std::unordered_map<const void*, std::string> parameter_names,
                            const Forward& forward, const std::vector<at::Tensor>& examples,
                            const TraceOptions& options);

}  // namespace betimes::learn::detail

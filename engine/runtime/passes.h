#pragma once

#include <vector>

#include "betimes/graph/pass.h"

namespace betimes::runtime {

/// What compile() does to a graph before it chooses kernels, in order. Every pass keeps what the
/// graph computes, and may be switched off by name (CompileOptions::disabled_passes). Fused
/// operators are those of domain "betimes" (graph/operators/fused.cc).
std::vector<graph::Pass> standard_passes();

}  // namespace betimes::runtime

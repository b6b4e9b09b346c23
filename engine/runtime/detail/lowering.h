#pragma once

#include "betimes/graph/specialize.h"
#include "betimes/runtime/detail/plan_impl.h"

namespace betimes::runtime {

/// Chooses a kernel for every node, decides layouts, inserts reorders where a kernel wants another
/// layout than it gets, and shares memory where a value dies. Weights go into `store`. Fills all of
/// `plan` but the offsets and the arena's sizes.
void lower(const graph::StaticGraph& graph, const CompileOptions& options, WeightStore& store,
           Plan::Impl& plan);

}  // namespace betimes::runtime

#pragma once

#include <map>
#include <string>

#include "betimes/fit/result.h"
#include "betimes/fit/variant.h"
#include "betimes/graph/graph.h"
#include "betimes/runtime/plan.h"

namespace betimes::fit {

/// The fitted graph as it is handed out: symbolic input dimensions of the original restored where
/// the folded graph still works with them, and metadata that says what was chosen, for which
/// device, on what evidence (keys "betimes.setting", "betimes.device", "betimes.evidence", each one
/// JSON object).
graph::Graph artefact(const graph::Graph& original, graph::Graph fitted,
                      const Assignment& assignment, const Result& result);

/// What a fitted file's metadata asks of compile(): threads and bf16 nodes. Standard options for
/// other files. Throws Error when the metadata is there but isn't what artefact() writes.
runtime::CompileOptions artefact_options(const graph::Graph& graph);

/// One sentence: whether the budget is kept, at what gain and loss, or what keeps it from being.
std::string verdict(const Result& result);

}  // namespace betimes::fit

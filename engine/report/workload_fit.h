#pragma once

#include <string>

#include "betimes/fit/workload_fit.h"

namespace betimes::report {

/// The object that `fit --json` prints of a workload; documented in docs/json.md.
std::string render_json(const fit::WorkloadFit& fit);
/// The standard setting beside the chosen one, what was changed, the frontier and the verdict, for
/// a terminal of `width` columns (taken as 50 to 120).
std::string render_text(const fit::WorkloadFit& fit, int width = 80);

}  // namespace betimes::report

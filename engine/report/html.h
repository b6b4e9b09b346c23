#pragma once

#include <string>

#include "betimes/fit/result.h"

namespace betimes::report {

/// One self-contained page (scripts inlined, opens offline): verdict, frontier, where the time goes
/// before and after, sensitivity by layer, latency histogram, environment.
std::string render_html(const fit::Result& result);
/// The object that `fit --json` prints; documented in docs/json.md.
std::string render_json(const fit::Result& result);
/// The short table that `fit` prints, for a terminal of `width` columns.
std::string render_text(const fit::Result& result, int width = 80);

}  // namespace betimes::report

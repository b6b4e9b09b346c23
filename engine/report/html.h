#pragma once

#include <string>

#include "betimes/fit/result.h"

namespace betimes::report {

/// One self-contained page (scripts inlined, opens offline): verdict, frontier, where the time goes
/// before and after, sensitivity by layer, latency histogram, environment. Any string of `result`
/// may be hostile: nothing in it is ever read as markup. docs/report.md explains the charts.
std::string render_html(const fit::Result& result);
/// The object that `fit --json` prints; documented in docs/json.md.
std::string render_json(const fit::Result& result);
/// The short table and the verdict that `fit` prints, for a terminal of `width` columns (taken as
/// 50 to 120). Plain ASCII but for names; `colour` adds ANSI escape sequences.
std::string render_text(const fit::Result& result, int width = 80, bool colour = false);

}  // namespace betimes::report

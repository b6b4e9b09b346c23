#pragma once

#include <string>

namespace betimes::report::detail {

/// "fit  [#########...........]  43 %  12 s left  measuring", at most `width` columns. `fraction`
/// is clamped to [0, 1]; the time left is that of the past at the same pace, and left out while
/// less than 2 % is done.
std::string progress_line(const std::string& title, double fraction, const std::string& what,
                          double elapsed_seconds, int width);

}  // namespace betimes::report::detail

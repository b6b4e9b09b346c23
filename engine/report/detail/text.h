#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace betimes::report::detail {

/// `text` as it may be shown: valid UTF-8 without control characters, each offence replaced by '?'.
/// Names come from models, which may be hostile: a terminal would obey escape sequences in them.
std::string printable(std::string_view text);

/// Columns that printable text takes, counting one for each code point.
int columns(std::string_view text);
/// At most `width` columns; the middle of longer text is replaced by "..".
std::string shorten(std::string_view text, int width);
/// Right-padded with spaces to `width` columns.
std::string padded(std::string_view text, int width);
/// Lines of at most `width` columns, broken at spaces; a longer word is cut.
std::vector<std::string> wrap(std::string_view text, int width);

/// Three significant digits: "0.0612 ms", "1.40 ms", "152 ms". "-" when it isn't finite.
std::string format_ms(double milliseconds);
/// "512 B", "1.44 MB" (decimal units).
std::string format_bytes(double bytes);
/// "1.25x", "2.3x", "14x".
std::string format_ratio(double ratio);
/// At most `digits` digits after the point, without trailing zeros: "0.1", "12".
std::string format_short(double value, int digits);

}  // namespace betimes::report::detail

#pragma once

#include <string>

namespace betimes::system::detail {

/// `text` as lines of at most `width` columns that begin with `indent` spaces, each with its line
/// end.
std::string indented(const std::string& text, size_t indent, int width);

}  // namespace betimes::system::detail

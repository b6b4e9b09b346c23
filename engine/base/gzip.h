#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace betimes {

/// The content of a gzip-compressed (or plain) file. Throws Error naming it when it can't be read,
/// is damaged, or holds more than `limit` bytes.
std::string read_gzip_text(const std::string& path, size_t limit);

/// Writes `content` compressed, with no name or time in it: equal contents make equal files. Throws
/// Error naming the path when it can't be written.
void write_gzip_text(const std::string& path, std::string_view content);

}  // namespace betimes

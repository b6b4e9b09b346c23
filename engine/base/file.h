#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace betimes {

/// Reads a whole file. Throws Error naming the path when it doesn't exist, is a directory, can't be
/// read, or has more than `limit` bytes.
std::vector<std::byte> read_file(const std::string& path, size_t limit = size_t{4} << 30);

/// Writes to a temporary name beside `path` and renames: a killed run leaves the old file or the
/// new one. Throws Error naming the path when it can't be written.
void write_file(const std::string& path, std::string_view content);

}  // namespace betimes

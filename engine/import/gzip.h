#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace betimes::import {

/// The text of a plain or gzip-compressed file (told by its first two bytes; members may follow one
/// another). Throws Error naming the path as read_file() does, and for data that is corrupt, ends
/// early, or expands to more than `limit` bytes.
std::string read_text(const std::string& path, size_t limit = size_t{1} << 30);

/// The same of bytes in memory; `where` names them.
std::string unpack_text(std::span<const std::byte> bytes, const std::string& where,
                        size_t limit = size_t{1} << 30);

}  // namespace betimes::import

#pragma once

#include <cstddef>
#include <string>

namespace betimes::systems::search {

/// The content of a gzip-compressed (or plain) file. Throws Error naming it when it can't be read,
/// is damaged, or holds more than `limit` bytes.
std::string read_gzip_text(const std::string& path, size_t limit);

}  // namespace betimes::systems::search

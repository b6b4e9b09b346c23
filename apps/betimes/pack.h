#pragma once

#include <cstddef>
#include <string>

namespace betimes::cli {

/// Writes a gzip-compressed tar archive with this program, the shared libraries it runs with, the
/// loader, and a script `betimes-probe/probe` that starts `betimes probe` from wherever they are
/// unpacked: another Linux machine of this processor family needs nothing installed. Returns the
/// archive's bytes. Throws Error naming what can't be read or written.
size_t write_pack(const std::string& path);

}  // namespace betimes::cli

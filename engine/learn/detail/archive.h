#pragma once

#include <string>

namespace betimes::learn::detail {

/// Reads a ZIP archive through: its records lie inside the file and agree with one another, no name
/// stands twice, and every entry has the length and CRC-32 that the directory says. LibTorch's
/// reader checks neither the sums nor what it unpickles. Throws Error naming `path`.
void check_archive(const std::string& path);

}  // namespace betimes::learn::detail

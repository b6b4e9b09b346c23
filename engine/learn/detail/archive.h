#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace betimes::learn::detail {

/// Checks a ZIP archive (also ZIP64, entries stored or deflated): every record lies inside the file
/// and every entry has the length and CRC-32 that the directory says. LibTorch's reader checks
/// neither the sums nor what it unpickles. Throws Error naming `path`.
/// Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
void check_archive(std::span<const std::byte> bytes, const std::string& path);

}  // namespace betimes::learn::detail

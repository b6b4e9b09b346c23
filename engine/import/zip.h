#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct zip;
struct zip_error;

namespace betimes::import {

/// A ZIP archive that is read, never written. Opening it checks that its records lie inside the
/// file and agree with one another, that no name stands twice, and that a small file can't unpack
/// into terabytes: entries are stored or deflated (a thousandfold at most), and together no larger
/// than the file, packed. Throws Error naming the archive where that isn't so.
class ZipArchive {
 public:
  struct Entry {
    std::string name;
    uint64_t bytes = 0;  // unpacked, as the directory says
  };

  /// `kind` is what a message says that the file should be, "NPZ file", and `expected` how one is
  /// made.
  ZipArchive(const std::string& path, std::string kind, std::string expected);
  /// The same in memory; `where` names the source in messages. The bytes must outlive the archive.
  ZipArchive(std::span<const std::byte> bytes, std::string where, std::string kind,
             std::string expected);

  const std::vector<Entry>& entries() const { return entries_; }

  /// The entry unpacked. Throws Error when it is damaged (its length and CRC-32 are compared),
  /// encrypted, packed in a way that libzip doesn't know, or larger than `limit`.
  std::vector<std::byte> read(size_t index, size_t limit = size_t{4} << 30) const;
  /// Reads every entry and throws it away: finds what read() would, in little memory.
  void check() const;

 private:
  struct Close {
    void operator()(zip* archive) const;
  };
  void list(uint64_t file_bytes);
  [[noreturn]] void refuse(const std::string& what) const;
  [[noreturn]] void refuse(zip_error& error) const;
  template <class Take>
  void unpack(size_t index, const Take& take) const;

  std::string where_, kind_, expected_;
  std::unique_ptr<zip, Close> archive_;
  std::vector<Entry> entries_;
};

}  // namespace betimes::import

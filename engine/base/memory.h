#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace betimes {

/// How Memory goes.
struct FreeMemory {
  size_t mapped = 0;  // 0: from the heap
  void operator()(std::byte* data) const;
};

/// Zero-filled memory for long use, aligned to 64 bytes, or to 2 MiB and in whole 2 MiB where huge
/// pages are asked for: the system then needs fewer entries of its address tables for it. A system
/// that has none gives ordinary pages; on_huge_pages() says what it gave.
class Memory {
 public:
  static constexpr size_t huge_page = size_t{2} << 20;

  Memory() = default;
  /// Throws std::bad_alloc where there isn't so much.
  explicit Memory(size_t bytes, bool huge_pages = false);

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  std::unique_ptr<std::byte[], FreeMemory> data_;
  size_t size_ = 0;
};

/// A piece of memory that somebody else owns.
using MemoryRange = std::pair<const std::byte*, size_t>;

/// How many bytes of the ranges lie on huge pages now, as far as the system tells (/proc/self/smaps
/// counts by mapping; ranges in one mapping are taken for huge ones first).
size_t on_huge_pages(const std::vector<MemoryRange>& ranges);

}  // namespace betimes

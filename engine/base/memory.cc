#include "betimes/base/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <new>
#include <string>

namespace betimes {
namespace {

constexpr std::align_val_t alignment{64};

size_t rounded(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

/// `bytes`, whole huge pages, at a multiple of their size.
std::byte* map_huge(size_t bytes) {
  const size_t all = bytes + Memory::huge_page;  // with room to begin at the next multiple
  void* mapped = ::mmap(nullptr, all, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<std::byte*>(mapped);
  const size_t before = rounded(reinterpret_cast<uintptr_t>(begin), Memory::huge_page) -
                        reinterpret_cast<uintptr_t>(begin);
  if (before > 0) ::munmap(begin, before);
  if (before < Memory::huge_page) ::munmap(begin + before + bytes, Memory::huge_page - before);
  // A refusal leaves ordinary pages, which hold the same.
  ::madvise(begin + before, bytes, MADV_HUGEPAGE);
  return begin + before;
}

}  // namespace

Memory::Memory(size_t bytes, bool huge_pages) : size_(bytes) {
  if (huge_pages && bytes > 0) {
    const size_t whole = rounded(bytes, huge_page);
    data_ = {map_huge(whole), FreeMemory{whole}};
    return;
  }
  // One byte at least, so that nothing still has an address.
  data_ = {static_cast<std::byte*>(::operator new[](std::max<size_t>(bytes, 1), alignment)),
           FreeMemory{}};
  std::memset(data_.get(), 0, bytes);
}

void FreeMemory::operator()(std::byte* data) const {
  if (mapped > 0) {
    ::munmap(data, mapped);
  } else {
    ::operator delete[](data, alignment);
  }
}

size_t on_huge_pages(const std::vector<MemoryRange>& ranges) {
  std::ifstream maps("/proc/self/smaps");
  size_t total = 0;
  size_t wanted = 0;  // bytes of the ranges in the mapping that is being described
  std::string line;
  while (std::getline(maps, line)) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    size_t kilobytes = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2) {
      wanted = 0;
      for (const auto& [data, bytes] : ranges) {
        const auto first = std::max(begin, reinterpret_cast<uintptr_t>(data));
        const auto last = std::min(end, reinterpret_cast<uintptr_t>(data) + bytes);
        if (first < last) wanted += last - first;
      }
    } else if (wanted > 0 && std::sscanf(line.c_str(), "AnonHugePages: %zu", &kilobytes) == 1) {
      total += std::min(wanted, kilobytes << 10);
    }
  }
  return total;
}

}  // namespace betimes

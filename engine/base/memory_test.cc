#include "betimes/base/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace betimes {
namespace {

TEST(Memory, IsZeroAlignedAndWritable) {
  for (const bool huge : {false, true}) {
    for (const size_t bytes : {size_t{0}, size_t{1}, size_t{4097}, (size_t{5} << 20) + 3}) {
      Memory memory(bytes, huge);
      ASSERT_EQ(memory.size(), bytes);
      ASSERT_NE(memory.data(), nullptr);
      const size_t alignment = huge && bytes > 0 ? Memory::huge_page : 64;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.data()) % alignment, 0u);
      EXPECT_TRUE(std::all_of(memory.data(), memory.data() + bytes,
                              [](std::byte b) { return b == std::byte{0}; }));
      std::fill_n(memory.data(), bytes, std::byte{7});
      Memory moved = std::move(memory);
      EXPECT_TRUE(bytes == 0 || moved.data()[bytes - 1] == std::byte{7});
    }
  }
}

TEST(Memory, CountsNoMoreHugePagesThanAskedFor) {
  Memory memory(size_t{4} << 20, true);
  std::fill_n(memory.data(), memory.size(), std::byte{1});
  // None where the system gives none.
  EXPECT_LE(on_huge_pages({{memory.data(), memory.size()}}), memory.size());
  EXPECT_LE(on_huge_pages({{memory.data(), 10}}), 10u);
  EXPECT_EQ(on_huge_pages({}), 0u);
}

}  // namespace
}  // namespace betimes

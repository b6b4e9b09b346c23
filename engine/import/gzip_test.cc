#include "betimes/import/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <vector>

#include "betimes/base/error.h"

namespace betimes::import {
namespace {

std::vector<std::byte> packed(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::vector<std::byte> out(text.size() + 1000);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string refusal(std::span<const std::byte> bytes, size_t limit = 1 << 20) {
  try {
    unpack_text(bytes, "f.gz", limit);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Gzip, GivesWhatWasPacked) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i);
  EXPECT_EQ(unpack_text(packed(text), "f"), text);
  EXPECT_EQ(unpack_text(packed(""), "f"), "");
  std::vector<std::byte> two = packed("one ");
  const std::vector<std::byte> second = packed("two");
  two.insert(two.end(), second.begin(), second.end());
  EXPECT_EQ(unpack_text(two, "f"), "one two");
}

TEST(Gzip, LeavesPlainTextAlone) {
  const std::string text = "a,b\n1,2\n";
  EXPECT_EQ(unpack_text(std::as_bytes(std::span(text)), "f"), text);
  EXPECT_EQ(unpack_text({}, "f"), "");
}

TEST(Gzip, RefusesWhatIsCutCorruptOrTooLarge) {
  const std::vector<std::byte> whole = packed(std::string(5000, 'x') + "end");
  for (size_t cut = 2; cut < whole.size(); ++cut) {
    EXPECT_NE(refusal(std::span(whole).first(cut)).find("f.gz: the gzip data ends early"),
              std::string::npos);
  }
  std::vector<std::byte> corrupt = whole;
  corrupt[whole.size() - 6] ^= std::byte{1};  // the check sum
  EXPECT_NE(refusal(corrupt).find("corrupt"), std::string::npos);
  EXPECT_NE(refusal(packed(std::string(1 << 21, 'x'))).find("more than 1048576"),
            std::string::npos);
}

}  // namespace
}  // namespace betimes::import

#include "betimes/import/zip.h"

#include <gtest/gtest.h>

#include <span>
#include <string>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/random.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/import/testing/zip_of.h"

namespace betimes::import {
namespace {

std::string read(const std::string& bytes, size_t index, size_t limit = 1 << 20) {
  const ZipArchive archive(std::as_bytes(std::span(bytes)), "x", "test file", "a test");
  std::string text;
  for (const std::byte b : archive.read(index, limit)) text += static_cast<char>(b);
  return text;
}

/// Opens and checks; the refusal, or "accepted".
std::string verdict(const std::string& bytes) {
  try {
    ZipArchive(std::as_bytes(std::span(bytes)), "x", "test file", "a test").check();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Zip, ReadsStoredAndDeflatedEntries) {
  const std::string large(300000, 'z');
  for (const bool deflated : {false, true}) {
    const std::string bytes = samples::zip_of({{"a", ""}, {"d/b", "text"}, {"c", large}}, deflated);
    const ZipArchive archive(std::as_bytes(std::span(bytes)), "x", "test file", "a test");
    ASSERT_EQ(archive.entries().size(), 3u);
    EXPECT_EQ(archive.entries()[1].name, "d/b");
    EXPECT_EQ(archive.entries()[2].bytes, large.size());
    EXPECT_EQ(read(bytes, 0), "");
    EXPECT_EQ(read(bytes, 1), "text");
    EXPECT_EQ(read(bytes, 2), large);
    EXPECT_EQ(verdict(bytes), "accepted");
  }
}

TEST(Zip, AFileIsReadLikeMemory) {
  const TemporaryFolder folder;
  const std::string path = folder.at("a.zip");
  write_file(path, samples::zip_of({{"a", "text"}}));
  EXPECT_EQ(ZipArchive(path, "test file", "a test").read(0).size(), 4u);
}

TEST(Zip, SaysWhatIsWrong) {
  EXPECT_EQ(verdict("no archive"),
            "x: is no intact test file: Not a zip archive (expected a test)");
  EXPECT_EQ(verdict(""), "x: is no intact test file: it is empty (expected a test)");
  EXPECT_THROW(ZipArchive("/nowhere/a.zip", "test file", ""), Error);
  const std::string bytes = samples::zip_of({{"a", "text"}});
  EXPECT_THROW(read(bytes, 0, 3), Error);
  std::string changed = bytes;
  changed[bytes.find("text")] = 'T';
  EXPECT_EQ(verdict(changed), "x: is no intact test file: a: CRC error (expected a test)");
}

/// Two names with one: the shape of an archive whose meaning depends on who reads it.
TEST(Zip, RefusesANameTwice) {
  std::string bytes = samples::zip_of({{"same", "1"}, {"some", "2"}});
  for (size_t at = bytes.find("some"); at != std::string::npos; at = bytes.find("some")) {
    bytes[at + 1] = 'a';
  }
  EXPECT_EQ(verdict(bytes), "x: is no intact test file: it has a name twice (expected a test)");
}

void put_word(std::string& bytes, size_t at, size_t value) {
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

/// The second entry's record lies in the first one's data, where a whole second entry is: intact by
/// every sum, and a step towards archives that unpack without end.
TEST(Zip, RefusesEntriesThatShareTheirData) {
  const std::string content(1000, 'x');
  const std::string inner = samples::zip_of({{"b", content}});
  const std::string record = inner.substr(0, inner.find("PK\1\2"));
  std::string bytes = samples::zip_of({{"a", record}, {"b", content}});
  const size_t inside = bytes.find("PK\3\4", 4), outside = bytes.find("PK\3\4", inside + 4);
  const size_t directory = bytes.find("PK\1\2");
  bytes.erase(outside, directory - outside);
  const size_t second = bytes.find("PK\1\2", outside + 4);
  put_word(bytes, second + 42, inside);
  bytes.replace(second + 12, 4, bytes, inside + 10, 4);  // the moment it was written
  put_word(bytes, bytes.size() - 6, outside);
  EXPECT_EQ(verdict(bytes),
            "x: is no intact test file: its entries are larger than the file (expected a test)");
}

TEST(Zip, RefusesOtherMethods) {
  std::string bytes = samples::zip_of({{"a", "text"}});
  bytes[8] = 12;  // bzip2, which packs zeros a millionfold
  bytes[bytes.find("PK\1\2") + 10] = 12;
  EXPECT_EQ(verdict(bytes),
            "x: is no intact test file: a is neither stored nor deflated (expected a test)");
}

TEST(Zip, EveryTruncationIsRefused) {
  const std::string bytes = samples::zip_of({{"a", "text"}, {"b", std::string(500, 'q')}}, true);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_NE(verdict(bytes.substr(0, length)), "accepted") << length;
  }
}

TEST(Zip, ChangedBytesAreRefusedOrChangeNothing) {
  const std::string content = "some text that is long enough to be hit";
  const std::string bytes = samples::zip_of({{"a", content}});
  Random random(7);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string changed = bytes;
    changed[random.below(bytes.size())] ^= static_cast<char>(1 + random.below(255));
    if (verdict(changed) != "accepted") {
      ++refused;
    } else {
      EXPECT_EQ(read(changed, 0), content);
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace betimes::import

#include "betimes/base/gzip.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"

namespace betimes {
namespace {

TEST(Gzip, WhatIsWrittenIsRead) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i % 977) + (i % 7 == 0 ? "\n" : ",");
  for (const std::string& each : {std::string(), std::string("a"), text}) {
    write_gzip_text(folder.at("x.gz"), each);
    EXPECT_EQ(read_gzip_text(folder.at("x.gz"), each.size()), each);
  }
  EXPECT_LT(read_file(folder.at("x.gz")).size(), text.size() / 3);
  EXPECT_THROW(read_gzip_text(folder.at("x.gz"), text.size() - 1), Error);
  write_gzip_text(folder.at("y.gz"), text);
  EXPECT_EQ(read_file(folder.at("x.gz")), read_file(folder.at("y.gz")));
}

TEST(Gzip, PlainFilesAreReadAndDamagedOnesRefused) {
  const TemporaryFolder folder;
  write_file(folder.at("plain"), "words");
  EXPECT_EQ(read_gzip_text(folder.at("plain"), 100), "words");
  write_gzip_text(folder.at("x.gz"), std::string(1000, 'x'));
  const auto bytes = read_file(folder.at("x.gz"));
  const std::string_view whole(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  write_file(folder.at("short.gz"), whole.substr(0, whole.size() - 5));
  EXPECT_THROW(read_gzip_text(folder.at("short.gz"), 10'000), Error);
  EXPECT_THROW(read_gzip_text(folder.at("nowhere"), 100), Error);
  EXPECT_THROW(write_gzip_text(folder.at("no/where"), "x"), Error);
}

}  // namespace
}  // namespace betimes

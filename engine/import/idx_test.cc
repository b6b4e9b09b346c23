#include "betimes/import/idx.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <string>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::import {
namespace {

class Idx : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "betimes_idx_" +
            testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  void TearDown() override { std::filesystem::remove(path_); }

  Tensor read(const std::string& content) {
    write_file(path_, content);
    return read_idx(path_);
  }
  std::string refusal(const std::string& content) {
    try {
      read(content);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }

  std::string path_;
};

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text.push_back(static_cast<char>(value));
  return text;
}

TEST_F(Idx, ReadsPlainBytes) {
  const Tensor t = read(bytes({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255}));
  EXPECT_EQ(t.type(), (TensorType{DType::u8, {2, 3}}));
  EXPECT_EQ(t.data<uint8_t>()[5], 255);
}

TEST_F(Idx, ReadsBigEndianElements) {
  const Tensor t = read(bytes({0, 0, 0x0C, 1, 0, 0, 0, 2, 0, 0, 1, 2, 255, 255, 255, 254}));
  EXPECT_EQ(t.data<int32_t>()[0], 258);
  EXPECT_EQ(t.data<int32_t>()[1], -2);
}

TEST_F(Idx, ReadsGzip) {
  const std::string plain = bytes({0, 0, 8, 1, 0, 0, 0, 2, 7, 9});
  gzFile file = gzopen(path_.c_str(), "wb");
  gzwrite(file, plain.data(), static_cast<unsigned>(plain.size()));
  gzclose(file);
  EXPECT_EQ(read_idx(path_).data<uint8_t>()[1], 9);
}

TEST_F(Idx, RefusesGzipThatEndsEarly) {
  const std::string plain = bytes({0, 0, 8, 1, 0, 0, 0, 9, 7, 9});
  gzFile file = gzopen(path_.c_str(), "wb");
  gzwrite(file, plain.data(), static_cast<unsigned>(plain.size()));
  gzclose(file);
  EXPECT_THROW(read_idx(path_), Error);
}

TEST_F(Idx, RefusesWhatIsMalformed) {
  EXPECT_NE(refusal("").find("is empty"), std::string::npos);
  EXPECT_NE(refusal("PK\3\4").find("isn't an IDX"), std::string::npos);
  EXPECT_NE(refusal(bytes({0, 0, 8, 9})).find("isn't an IDX"), std::string::npos);
  EXPECT_NE(refusal(bytes({0, 0, 8, 1, 0, 0, 0, 3, 1, 2})).find("is too short"), std::string::npos);
  EXPECT_NE(refusal(bytes({0, 0, 8, 1, 0, 0, 0, 1, 1, 2})).find("more data"), std::string::npos);
}

TEST_F(Idx, RefusesAHeaderThatPromisesGigabytes) {
  const std::string huge = bytes({0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0});
  EXPECT_NE(refusal(huge).find("is too short for"), std::string::npos);
}

TEST_F(Idx, NamesAFileThatIsMissing) {
  EXPECT_THROW(read_idx(path_ + ".none"), Error);
  EXPECT_THROW(read_idx(testing::TempDir()), Error);
}

}  // namespace
}  // namespace betimes::import

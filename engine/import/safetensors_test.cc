#include "betimes/import/safetensors.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"

namespace betimes::import {
namespace {

std::vector<std::byte> file(const std::string& header, const std::string& data) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i < 8; ++i) bytes.push_back(static_cast<std::byte>(header.size() >> (8 * i)));
  for (const char c : header + data) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

std::string message(const std::vector<std::byte>& bytes) {
  try {
    parse_safetensors(bytes, "x.safetensors");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Safetensors, ReadsTensorsAndSkipsMetadata) {
  const std::string header =
      R"({"__metadata__":{"a":"b"},"w":{"dtype":"U8","shape":[2,2],"data_offsets":[1,5]},)"
      R"("e":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})";
  const auto tensors = parse_safetensors(file(header, "?abcd"), "x");
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors.at("w").type(), (TensorType{DType::u8, {2, 2}}));
  EXPECT_EQ(tensors.at("w").data<uint8_t>()[3], 'd');
  EXPECT_EQ(tensors.at("e").size(), 0);
}

TEST(Safetensors, RefusesWhatIsMalformed) {
  EXPECT_NE(message({}).find("too short"), std::string::npos);
  std::vector<std::byte> absurd(16, std::byte{0xff});
  EXPECT_NE(message(absurd).find("header"), std::string::npos);
  EXPECT_NE(message(file("[1]", "")).find("JSON object"), std::string::npos);
  EXPECT_NE(message(file(std::string(100, '['), "")).find("JSON object"), std::string::npos);
  EXPECT_NE(message(file(R"({"w":3})", "")).find("tensor w"), std::string::npos);
  const auto entry = [](const std::string& fields) {
    return file("{\"w\":{" + fields + "}}", "abcd");
  };
  EXPECT_NE(message(entry(R"("dtype":"X","shape":[4],"data_offsets":[0,4])")).find("type X"),
            std::string::npos);
  EXPECT_NE(message(entry(R"("dtype":"U8","shape":[4],"data_offsets":[0,5])")).find("outside"),
            std::string::npos);
  EXPECT_NE(message(entry(R"("dtype":"U8","shape":[5],"data_offsets":[0,4])")).find("4 bytes"),
            std::string::npos);
  EXPECT_NE(message(entry(R"("dtype":"U8","shape":[-4],"data_offsets":[0,4])")).find("shape"),
            std::string::npos);
  EXPECT_NE(message(entry(R"("dtype":"F64","shape":[4611686018427387904,2],"data_offsets":[0,4])")),
            "");
}

TEST(Safetensors, WhatWasWrittenIsReadBack) {
  const std::map<std::string, Tensor> tensors = {
      {"a/b", Tensor::from<float>({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6})},
      {"bytes", Tensor::from<uint8_t>({3}, std::vector<uint8_t>{7, 8, 9})},
      {"empty", Tensor(DType::f16, {0, 4})},
      {"\"quoted\"", Tensor::scalar(int64_t{-5})}};
  const std::string path = ::testing::TempDir() + "/written.safetensors";
  write_safetensors(path, tensors, {{"seed", "7"}});
  const auto found = read_safetensors(path);
  ASSERT_EQ(found.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    ASSERT_TRUE(found.contains(name)) << name;
    EXPECT_EQ(found.at(name).type(), tensor.type());
    EXPECT_TRUE(std::equal(tensor.raw(), tensor.raw() + tensor.bytes(), found.at(name).raw()));
  }
  EXPECT_EQ(read_safetensors_metadata(path), (std::map<std::string, std::string>{{"seed", "7"}}));
  EXPECT_EQ(format_safetensors({}).size() % 8, 0u);
}

}  // namespace
}  // namespace betimes::import

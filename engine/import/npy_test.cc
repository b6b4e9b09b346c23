#include "betimes/import/npy.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::import {
namespace {

Tensor parse(const std::string& content) {
  return parse_npy(std::as_bytes(std::span(content)), "x.npy");
}

std::string refusal(const std::string& content) {
  try {
    parse(content);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string npy(const std::string& header, const std::string& data, int version = 1) {
  std::string content = "\x93NUMPY";
  content += static_cast<char>(version);
  content += '\0';
  content += static_cast<char>(header.size() & 0xff);
  content += static_cast<char>(header.size() >> 8);
  if (version > 1) content.append(2, '\0');
  return content + header + data;
}

std::string header(const std::string& descr, const std::string& shape,
                   const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

class NpyRoundTrip : public testing::TestWithParam<DType> {};

TEST_P(NpyRoundTrip, GivesTheSameTensor) {
  const std::string path = testing::TempDir() + "betimes_npy_" + std::string(name(GetParam()));
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{5}, Shape{2, 3}, Shape{1, 2, 3}}) {
    Tensor counting(DType::f32, shape);
    float next = 0;
    for (float& x : counting.mutable_data<float>()) x = next++;
    const Tensor tensor = counting.cast(GetParam());
    write_npy(tensor, path);
    const Tensor back = read_npy(path);
    const DType stored = GetParam() == DType::bf16 ? DType::f32 : GetParam();
    ASSERT_EQ(back.type(), (TensorType{stored, shape}));
    const Tensor expected = tensor.cast(stored);
    EXPECT_TRUE(std::equal(back.raw(), back.raw() + back.bytes(), expected.raw()));
  }
  std::filesystem::remove(path);
}

INSTANTIATE_TEST_SUITE_P(AllTypes, NpyRoundTrip,
                         testing::Values(DType::f32, DType::f64, DType::f16, DType::bf16, DType::i8,
                                         DType::u8, DType::i16, DType::u16, DType::i32, DType::u32,
                                         DType::i64, DType::u64, DType::boolean),
                         [](const auto& type) { return std::string(name(type.param)); });

TEST(Npy, ReadsFortranOrder) {
  // numpy.asfortranarray([[1, 2, 3], [4, 5, 6]]): columns lie one after the other.
  const Tensor t = parse(npy(header("|u1", "(2, 3)", "True"), "\1\4\2\5\3\6"));
  const auto data = t.data<uint8_t>();
  EXPECT_EQ(std::vector<int>(data.begin(), data.end()), (std::vector<int>{1, 2, 3, 4, 5, 6}));
}

TEST(Npy, ReadsEveryVersion) {
  for (const int version : {1, 2, 3}) {
    EXPECT_EQ(parse(npy(header("|i1", "(2,)"), "ab", version)).shape(), Shape{2}) << version;
  }
}

TEST(Npy, NormalizesBooleans) {
  const Tensor t = parse(npy(header("|b1", "(3,)"), std::string("\0\1\7", 3)));
  EXPECT_EQ(t.raw()[2], std::byte{1});
}

TEST(Npy, RefusesWhatIsMalformed) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "x.npy: is empty"},
      {"\x93NUMPZ\1\0\0\0", "isn't an .npy file"},
      {std::string("\x93NUMPY\4\0\0\0", 10), "version 4"},
      {npy(header("<f4", "(2,)"), "1234567"), "has 7 bytes of data (expected 8 for float32[2])"},
      {npy(header("<f4", "(2,)"), "123456789"), "has 9 bytes"},
      {npy(header(">f4", "(1,)"), "1234"), "big endian"},
      {npy(header("|O", "(1,)"), "1234"), "aren't supported"},
      {npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "1234"),
       "structure"},
      {npy(header("<f4", "(-1,)"), "1234"), "whole number"},
      {npy(header("<f4", "(4611686018427387904, 16)"), "1234"), "too large"},
      {npy(header("<f4", "(99999999999, 99999999999)"), "1234"), "too many elements"},
      {npy(header("<f4", "(1"), "1234"), "whole number"},
      {npy(header("<f4", "(1 2)"), "1234"), "malformed"},
      {npy("{'descr': '<f4', 'shape': (1,), }", "1234"), "lacks"},
      {npy("{'descr': '<f4', 'descr': '<f4', 'shape': (1,), }", "1234"), "twice"},
  };
  for (const auto& [content, expected] : cases) {
    EXPECT_NE(refusal(content).find(expected), std::string::npos) << refusal(content);
  }
}

TEST(Npy, NamesAFileThatIsMissing) { EXPECT_THROW(read_npy("/nonexistent/x.npy"), Error); }

}  // namespace
}  // namespace betimes::import

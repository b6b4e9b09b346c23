#include "betimes/cost/kernel_time.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"

namespace betimes::cost {
namespace {

KernelTime example() {
  KernelTime time{{"Conv", "jit:avx2", {}}, 0.125};
  time.work.kind = KernelKind::depthwise;
  time.work.macs = 1e6;
  time.work.bytes = 4096;
  time.work.groups = 32;
  time.work.dilation = 4;
  time.work.bits = 8;
  time.work.reference = true;
  return time;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " in " << text;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(KernelTime, IsWrittenAndReadAgain) {
  const auto found = parse_kernels(format_kernels({example(), example()}), "here");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1].op, "Conv");
  EXPECT_EQ(found[1].kernel, "jit:avx2");
  EXPECT_EQ(found[1].work.kind, KernelKind::depthwise);
  EXPECT_EQ(found[1].work.macs, 1e6);
  EXPECT_EQ(found[1].work.bytes, 4096);
  EXPECT_EQ(found[1].work.groups, 32);
  EXPECT_EQ(found[1].work.dilation, 4);
  EXPECT_EQ(found[1].work.bits, 8);
  EXPECT_TRUE(found[1].work.reference);
  EXPECT_EQ(found[1].ms, 0.125);
  EXPECT_TRUE(parse_kernels(format_kernels({}), "here").empty());
}

TEST(KernelTime, TablesWithoutTheLaterColumnsAreRead) {
  KernelTime given = example();
  given.work.dilation = 4;
  std::string before = format_kernels({given});
  before = replaced(before,
                    ",\"dilation\",\"width\",\"run\",\"divisions\",\"broadcasts\",\"inside\"", "");
  before = replaced(before, ",4.0,1.0,1.0,0.0,0.0,1.0,8,", ",8,");
  const auto found = parse_kernels(before, "here");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].work.dilation, 1);
  EXPECT_EQ(found[0].work.bits, 8);
}

TEST(KernelTime, WhatIsBrokenIsRefusedWithTheRow) {
  const std::string good = format_kernels({example()});
  for (const auto& [from, to] : {std::pair{"0.125", "0"},
                                 {"0.125", "-1"},
                                 {"0.125", "null"},
                                 {"\"depthwise\"", "\"deep\""},
                                 {"\"jit:avx2\"", "7"},
                                 {"1000000.0", "-3"},
                                 {"1000000.0", "\"many\""},
                                 {",8,", ",8.5,"},
                                 {"true", "1"},
                                 {"[\"Conv\",", "["}}) {
    try {
      parse_kernels(replaced(good, from, to), "here");
      FAIL() << from << " -> " << to;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("here, row 1"), std::string::npos) << error.what();
    }
  }
  for (const std::string& bad :
       {std::string("["), std::string("[]"), std::string("{\"columns\": [], \"rows\": []}"),
        replaced(good, "\"rows\":[", "\"rows\":{\"a\":[") + "}",
        replaced(good, "\"macs\"", "\"m\"")}) {
    EXPECT_THROW(parse_kernels(bad, "here"), Error) << bad;
  }
}

}  // namespace
}  // namespace betimes::cost

#include "systems/hardware/mlir-cost-model/tokens.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "systems/hardware/mlir-cost-model/testing.h"

namespace betimes::systems::mlir_cost_model {
namespace {

std::string sentence(const std::string& text, const Schedule& schedule, Tokens variant) {
  return fmt::format("{}",
                     fmt::join(tokenise(parse_function(text, "text"), schedule, variant), " "));
}

/// Written out by hand.
TEST(MlirTokens, OperatorsHaveTheirResultTypesWhole) {
  EXPECT_EQ(sentence(small_text, {false, 1}, Tokens::ops),
            "nofuse unroll:1 arith.constant =0 arith.constant =2^-1 linalg.init_tensor 4x16xf32 "
            "linalg.fill 4x16xf32 linalg.matmul 4x16xf32 linalg.init_tensor 4x16xf32 "
            "linalg.generic (d0,d1) (d1) (d0,d1) arith.addf arith.maxf arith.mulf 4x16xf32");
  EXPECT_EQ(sentence(printed_text, {true, 8}, Tokens::ops),
            "fuse unroll:8 arith.constant =-2^99 arith.constant =0 linalg.init_tensor 1x4x4x8xf32 "
            "linalg.fill 1x4x4x8xf32 linalg.conv_2d_nhwc_hwcf stride:2^1 1x4x4x8xf32 "
            "linalg.init_tensor 1x2x2x8xf32 linalg.fill 1x2x2x8xf32 linalg.pooling_nhwc_max "
            "stride:2^1 stride:2^1 1x2x2x8xf32 linalg.init_tensor 1x2x2xf32 linalg.fill 1x2x2xf32 "
            "linalg.generic (d0,d1,d2,d3) (d0,d1,d2) reduction:1 arith.addf 1x2x2xf32");
}

TEST(MlirTokens, OperandsAreRenamedInOrderOfAppearance) {
  EXPECT_EQ(sentence(small_text, {false, 2}, Tokens::operands),
            "nofuse unroll:2 a0 4x8xf32 a1 8x16xf32 a2 16xf32 arith.constant =0 v0 arith.constant "
            "=2^-1 v1 linalg.init_tensor v2 4x16xf32 linalg.fill v0 v2 v3 4x16xf32 linalg.matmul "
            "a0 a1 v3 v4 4x16xf32 linalg.init_tensor v5 4x16xf32 linalg.generic (d0,d1) (d1) "
            "(d0,d1) v4 a2 v5 arith.addf b0 b1 b3 arith.maxf b3 v0 b4 arith.mulf b4 v1 b5 v6 "
            "4x16xf32");
}

TEST(MlirTokens, ExtentsAreBucketedByPowersOfTwo) {
  const std::string found = sentence(printed_text, {false, 1}, Tokens::buckets);
  EXPECT_TRUE(found.starts_with(
      "nofuse unroll:1 a0 2^0 2^3 2^3 2^2 f32 a1 2^1 2^1 2^2 2^3 f32 a2 2^1 2^1 f32 "))
      << found;
}

/// Names carry no meaning: other ones give the same sentence.
TEST(MlirTokens, NamesDoNotMatter) {
  std::string renamed = small_text;
  for (const auto& [from, to] : {std::pair("%arg0", "%x"), std::pair("%4", "%result"),
                                 std::pair("%2", "%17"), std::pair("%s1", "%larger")}) {
    for (size_t at = renamed.find(from); at != std::string::npos; at = renamed.find(from, at)) {
      renamed.replace(at, std::string(from).size(), to);
      at += std::string(to).size();
    }
  }
  for (const Tokens variant : all_tokens()) {
    const std::vector<std::string> a = tokenise(parse_function(small_text, "a"), {}, variant);
    const std::vector<std::string> b = tokenise(parse_function(renamed, "b"), {}, variant);
    EXPECT_EQ(a, b);
    EXPECT_EQ(hash_tokens(a), hash_tokens(b));
    EXPECT_NE(hash_tokens(a),
              hash_tokens(tokenise(parse_function(small_text, "a"), {true, 1}, variant)));
  }
}

TEST(MlirTokens, VocabularyKeepsWhatTwoSentencesHave) {
  const Vocabulary vocabulary({{"b", "a", "a"}, {"a", "c"}, {"b", "d", "d"}});
  EXPECT_EQ(vocabulary.text(), "<pad>\n<unk>\n<begin>\n<end>\na\nb\n") << "d is in one sentence";
  const Encoded found = vocabulary.encode({"a", "d", "b"}, 8);
  EXPECT_EQ(found.ids, (std::vector<int64_t>{2, 4, 1, 5, 3}));
  EXPECT_EQ(found.unknown, 1);
  EXPECT_FALSE(found.truncated);
  EXPECT_FALSE(vocabulary.encode({"a", "d", "b"}, 5).truncated);
  const Encoded cut = vocabulary.encode({"a", "d", "b"}, 4);
  EXPECT_EQ(cut.ids, (std::vector<int64_t>{2, 4, 1, 5}));
  EXPECT_TRUE(cut.truncated);
  EXPECT_THROW(vocabulary.encode({"a"}, 1), Error);
  EXPECT_EQ(Vocabulary::parse(vocabulary.text(), "text").text(), vocabulary.text());
  EXPECT_THROW(Vocabulary::parse("a\nb\n", "text"), Error);
  EXPECT_THROW(Vocabulary::parse(vocabulary.text() + "a\n", "text"), Error);
}

TEST(MlirTokens, NamesAreRead) {
  for (const Tokens variant : all_tokens()) EXPECT_EQ(find_tokens(name(variant)), variant);
  EXPECT_THROW(find_tokens("bytes"), Error);
  for (const Schedule& schedule : all_schedules()) {
    EXPECT_EQ(parse_schedule(to_string(schedule)), schedule);
  }
  EXPECT_THROW(parse_schedule("unroll:3"), Error);
}

}  // namespace
}  // namespace betimes::systems::mlir_cost_model

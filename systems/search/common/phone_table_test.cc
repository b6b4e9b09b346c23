#include "systems/search/common/phone_table.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::search {
namespace {

const std::string good =
    "Conv-input:224x224x3-output:112x112x24:\n"
    "  count: 500\n"
    "  mean: 0.994418\n"
    "  std: 0.01726798413249215\n"
    "Logits-input:1x1x1536-output:1000:\n"
    "  count: 3\n"
    "  mean: 6.6e-1\n"
    "  var: 0\n";

TEST(PhoneTable, ReadsThePublishedForm) {
  const PhoneTable table = PhoneTable::parse(good, "phone.yaml");
  EXPECT_EQ(table.entries().size(), 2u);
  EXPECT_DOUBLE_EQ(table.ms("Conv-input:224x224x3-output:112x112x24"), 0.994418);
  EXPECT_DOUBLE_EQ(table.ms("Logits-input:1x1x1536-output:1000"), 0.66);
  EXPECT_EQ(table.entries().at("Logits-input:1x1x1536-output:1000").count, 3);
  EXPECT_THROW(table.ms("Logits"), Error);
}

TEST(PhoneTable, AcceptsOtherLineEndsAndEmptyLines) {
  std::string text;
  for (const char c : good) {
    if (c == '\n') text += '\r';
    text += c;
  }
  EXPECT_EQ(PhoneTable::parse("\n" + text + "\r\n", "phone.yaml").entries().size(), 2u);
  EXPECT_EQ(PhoneTable::parse(good.substr(0, good.size() - 1), "phone.yaml").entries().size(), 2u);
}

TEST(PhoneTable, RefusesEverythingElse) {
  for (const std::string bad : {"",
                                "\n",
                                "a\n",
                                "a:\n",
                                "a:\n  count: 1\n  mean: 1\n",
                                "  count: 1\n",
                                "a:\n  count: 1\n  mean: 1\n  std: 1\n  var: 1\n",
                                "a:\n  count: 1\n  mean: 1\n  mean: 1\n  std: 1\n",
                                "a:\n  count: 1\n  mean: 0\n  std: 1\n",
                                "a:\n  count: 1\n  mean: -1\n  std: 1\n",
                                "a:\n  count: 1\n  mean: nan\n  std: 1\n",
                                "a:\n  count: 1\n  mean: inf\n  std: 1\n",
                                "a:\n  count: 1\n  mean: 1e999\n  std: 1\n",
                                "a:\n  count: -1\n  mean: 1\n  std: 1\n",
                                "a:\n  count: 1.5\n  mean: 1\n  std: 1\n",
                                "a:\n  count: 1\n  mean: 1 \n  std: 1\n",
                                "a:\n  count: 1\n  mean: 1\n  std: -1\n",
                                "a:\n\tcount: 1\n  mean: 1\n  std: 1\n",
                                "a:\n  count: 1\n  mean: 1\n  std: 1\n  more: 1\n",
                                "a:\n    count: 1\n  mean: 1\n  std: 1\n",
                                "a: &b\n  count: 1\n  mean: 1\n  std: 1\n",
                                "a:\n  count:1\n  mean: 1\n  std: 1\n",
                                "- a:\n",
                                "{a: 1}:\n  count: 1\n  mean: 1\n  std: 1\n"}) {
    EXPECT_THROW(PhoneTable::parse(bad, "bad.yaml"), Error) << bad;
  }
  EXPECT_THROW(PhoneTable::parse(good + good, "twice.yaml"), Error);
  EXPECT_THROW(PhoneTable::read("/nowhere/phone.yaml"), Error);
}

TEST(PhoneTable, DamagedFilesAreReadOrRefused) {
  Random random(11);
  int read = 0, refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string text = good;
    for (uint64_t change = 0; change <= random.below(3); ++change) {
      text[random.below(text.size())] = static_cast<char>(random.below(256));
    }
    try {
      const PhoneTable table = PhoneTable::parse(text, "damaged");
      for (const auto& [key, entry] : table.entries()) {
        EXPECT_GT(entry.mean, 0);
        EXPECT_GE(entry.count, 0);
      }
      ++read;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(read, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace betimes::systems::search

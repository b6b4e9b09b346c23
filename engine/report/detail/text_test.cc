#include "betimes/report/detail/text.h"

#include <gtest/gtest.h>

#include <limits>

namespace betimes::report::detail {
namespace {

TEST(Printable, LeavesNothingThatATerminalObeys) {
  EXPECT_EQ(printable("conv/1 \xc3\xa9\xe2\x82\xac"), "conv/1 \xc3\xa9\xe2\x82\xac");
  EXPECT_EQ(printable("a\x1b[2J\n\tb\x7f"), "a?[2J??b?");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m");  // C1 control sequence introducer
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "cba"),
            "?cba");  // right-to-left override
}

TEST(Printable, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(printable("\xff"), "?");
  EXPECT_EQ(printable("\xc0\xaf"), "??");            // overlong
  EXPECT_EQ(printable("\xe0\x80\xaf"), "???");       // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "???");       // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????");  // beyond the last code point
  EXPECT_EQ(printable("ab\xe2\x82"), "ab??");        // cut short
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
}

TEST(Columns, CountCodePoints) {
  EXPECT_EQ(columns("\xe2\x82\xac"
                    "5"),
            2);
  EXPECT_EQ(padded("\xe2\x82\xac", 3), "\xe2\x82\xac  ");
  EXPECT_EQ(padded("abcd", 3), "abcd");
}

TEST(Shorten, KeepsBothEnds) {
  EXPECT_EQ(shorten("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(shorten("abcdefghijk", 10), "abcd..hijk");
  EXPECT_EQ(shorten("abcdefghijk", 3), "abc");
  EXPECT_EQ(shorten("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 5),
            "\xe2\x82\xac..\xe2\x82\xac\xe2\x82\xac");
  EXPECT_EQ(shorten("abc", 0), "");
}

TEST(Wrap, BreaksAtSpacesAndCutsWhatIsTooLong) {
  EXPECT_EQ(wrap("one two three", 8), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrap("abcdefghijklmnop q", 8), (std::vector<std::string>{"abcdefgh", "ijklmnop", "q"}));
  EXPECT_TRUE(wrap("", 20).empty());
}

TEST(Formats, HaveThreeDigitsThatMatter) {
  EXPECT_EQ(format_ms(0.0612), "0.0612 ms");
  EXPECT_EQ(format_ms(0.61), "0.610 ms");
  EXPECT_EQ(format_ms(1.4), "1.40 ms");
  EXPECT_EQ(format_ms(14), "14.0 ms");
  EXPECT_EQ(format_ms(1523.4), "1523 ms");
  EXPECT_EQ(format_ms(0), "0 ms");
  EXPECT_EQ(format_ms(std::numeric_limits<double>::quiet_NaN()), "-");
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(1'440'000), "1.44 MB");
  EXPECT_EQ(format_ratio(1.25), "1.25x");
  EXPECT_EQ(format_ratio(2.31), "2.3x");
  EXPECT_EQ(format_ratio(14.4), "14x");
  EXPECT_EQ(format_short(0.10, 2), "0.1");
  EXPECT_EQ(format_short(-0.0001, 2), "0");
  EXPECT_EQ(format_short(100, 0), "100");
}

}  // namespace
}  // namespace betimes::report::detail

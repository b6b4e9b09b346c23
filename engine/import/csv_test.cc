#include "betimes/import/csv.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"

namespace betimes::import {
namespace {

using Fields = std::vector<std::string>;

std::string refusal(const std::string& text) {
  try {
    parse_labels(text, "l.csv");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Csv, ReadsQuotesAndLineEndsAsTheStandardSays) {
  const auto rows = parse_csv(
      "\xef\xbb\xbf"
      "a,\"b,\"\"c\"\"\"\r\n\n\"two\nlines\",\nlast,x",
      "f");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].fields, (Fields{"a", "b,\"c\""}));
  EXPECT_EQ(rows[1].fields, (Fields{"two\nlines", ""}));
  EXPECT_EQ(rows[1].line, 3u);
  EXPECT_EQ(rows[2].fields, (Fields{"last", "x"}));
  EXPECT_EQ(rows[2].line, 5u);
}

TEST(Csv, SeparatesByWhatItIsTold) {
  const auto rows = parse_csv("a;\"b;c\";1,5\n", "f", ';');
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].fields, (Fields{"a", "b;c", "1,5"}));
}

TEST(Csv, NumbersClassNamesAlphabetically) {
  const LabelTable table = parse_labels("file,label\n1.png,dog\n2.png,cat\n3.png,dog\n", "f");
  EXPECT_EQ(table.labels, (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(table.classes, (Fields{"cat", "dog"}));
  EXPECT_EQ(table.files, (Fields{"1.png", "2.png", "3.png"}));
}

TEST(Csv, TakesNumbersWithoutHeaderAndLabelsAlone) {
  EXPECT_EQ(parse_labels("a.png, 3\nb.png, 0\n", "f").labels, (std::vector<int64_t>{3, 0}));
  const LabelTable alone = parse_labels("label\n5\n6\n", "f");
  EXPECT_EQ(alone.labels, (std::vector<int64_t>{5, 6}));
  EXPECT_TRUE(alone.files.empty());
}

TEST(Csv, NamesTheLineThatIsWrong) {
  EXPECT_EQ(refusal(""), "l.csv: has no labels (expected lines of file,label)");
  EXPECT_EQ(refusal("file,label\n"), "l.csv: has no labels (expected lines of file,label)");
  const std::pair<const char*, const char*> cases[] = {
      {"a,1\nb\n", "l.csv, line 2: has 1 fields (expected 2, as before)"},
      {"a,b,c\n", "l.csv, line 1: has 3 fields"},
      {"a,1\nb,cat\n", "l.csv, line 2: label 'cat' isn't like those before"},
      {"a,-1\n", "l.csv, line 1: label -1"},
      {"a,99999999999\n", "l.csv, line 1: label 99999999999"},
      {"a,1\na,2\n", "l.csv, line 2: lists 'a' a second time"},
      {"a,1\nb,\n", "l.csv, line 2: has no label"},
      {"a,1\n\"b,2\n", "l.csv, line 2: opens a quote"},
      {"\"a\"x,1\n", "l.csv, line 1: has text after a closing quote"},
      {"a\"b,1\n", "l.csv, line 1: has a quote within"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_NE(refusal(text).find(expected), std::string::npos) << refusal(text);
  }
}

}  // namespace
}  // namespace betimes::import

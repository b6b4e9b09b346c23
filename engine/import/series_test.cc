#include "betimes/import/series.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/base/error.h"

namespace betimes::import {
namespace {

using Values = std::vector<double>;
using Labels = std::vector<uint8_t>;

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Series, ReadsOneColumnWithAndWithoutAHeader) {
  const SeriesTable plain = parse_series("1\n2.5\n-3e2\n", "f");
  EXPECT_FALSE(plain.header);
  EXPECT_EQ(plain.columns, (std::vector<Values>{{1, 2.5, -300}}));
  EXPECT_EQ(plain.names, (std::vector<std::string>{"1"}));
  const SeriesTable headed = parse_series("load\n1\n2\n", "f");
  EXPECT_TRUE(headed.header);
  EXPECT_EQ(headed.names, (std::vector<std::string>{"load"}));
  EXPECT_EQ(headed.columns[0], (Values{1, 2}));
  EXPECT_EQ(headed.lines, (std::vector<size_t>{2, 3}));
  EXPECT_EQ(headed.find("LOAD"), std::optional<size_t>(0));
  EXPECT_EQ(headed.find("loads"), std::nullopt);
}

TEST(Series, KeepsTimesApart) {
  const SeriesTable dates =
      parse_series("when,value\n2014-04-10 07:15:00.500,3\n2014-04-10 07:20,4\n", "f");
  EXPECT_EQ(dates.names, (std::vector<std::string>{"value"}));
  ASSERT_EQ(dates.times.size(), 2u);
  EXPECT_DOUBLE_EQ(dates.times[1] - dates.times[0], 299.5);
  const SeriesTable numbers = parse_series("a;Timestamp;b\n1;100;2\n3;101;4\n", "f");
  EXPECT_EQ(numbers.times, (Values{100, 101}));
  EXPECT_EQ(numbers.columns, (std::vector<Values>{{1, 3}, {2, 4}}));
}

TEST(Series, KeepsGapsAndNamesTheirLineWhenTheyMatter) {
  const SeriesTable table = parse_series("x,y\n1,2\n,nan\n3,inf\n", "f.csv");
  EXPECT_TRUE(std::isnan(table.columns[0][1]));
  EXPECT_TRUE(std::isnan(table.columns[1][1]));
  EXPECT_EQ(refusal([&] { finite_column(table, 0); }),
            "f.csv, line 3: column 'x' has no number (expected a finite number in every row)");
  const SeriesTable huge = parse_series("x\n1\n1e999\n", "f.csv");
  EXPECT_NE(refusal([&] { finite_column(huge, 0); }).find("isn't finite"), std::string::npos);
}

TEST(Series, RefusesWhatIsNoSeries) {
  const auto reads = [](const char* text) { return refusal([&] { parse_series(text, "f.csv"); }); };
  EXPECT_EQ(reads(""), "f.csv: has no rows (expected a row of numbers for each point in time)");
  EXPECT_EQ(reads("1\n2,3\n"), "f.csv, line 2: has 2 fields (expected 1, as before)");
  EXPECT_EQ(reads("x\n1\ntwo\n"), "f.csv, line 3: 'two' is no number");
  EXPECT_NE(reads("a,b,c\n2020-01-01,2020-01-02,1\n").find("two columns of dates"),
            std::string::npos);
  EXPECT_NE(reads("time,b\n1,1\nnoon,1\n").find("line 3: 'noon' is no time"), std::string::npos);
}

TEST(Times, AreSecondsSince1970) {
  EXPECT_EQ(parse_time("1970-01-01"), 0.0);
  EXPECT_EQ(parse_time("1970-01-02 00:00"), 86400.0);
  EXPECT_EQ(parse_time("2000-03-01T00:00:00Z"), 951868800.0);
  EXPECT_EQ(parse_time("2000-03-01T02:00:00+02:00"), 951868800.0);
  EXPECT_EQ(parse_time("2000-02-29T19:30:00-0430"), 951868800.0);
  EXPECT_EQ(parse_time("2014-04-10 07:15:00.000000"), parse_time("2014-04-10 07:15:00"));
  for (const char* text :
       {"", "12", "2014-13-01", "2014-02-30", "2014-04-10 ", "2014-04-10 07", "2014-04-10 07:60",
        "2014-04-10 07:15:00.", "2014-04-10 07:15:00x", "2014-04-10 07:15:00+", "14-04-10"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

Labels labels(const char* text, size_t rows, const Values& times = {}) {
  return labels_from(parse_series(text, "l.csv"), rows, times);
}

TEST(SeriesLabels, AreColumnsOfZeroAndOne) {
  EXPECT_EQ(labels("0\n1\n0\n", 3), (Labels{0, 1, 0}));
  EXPECT_EQ(labels("time,value,Anomaly\n1,5,0.0\n2,6,1.0\n", 2), (Labels{0, 1}));
  EXPECT_EQ(labels("10,0\n11,1\n12,1\n", 3), (Labels{0, 1, 1}));
}

TEST(SeriesLabels, AreIntervalsOfPointsOrTimes) {
  EXPECT_EQ(labels("start,end\n1,2\n4,4\n", 6), (Labels{0, 1, 1, 0, 1, 0}));
  EXPECT_EQ(labels("1,2\n", 4), (Labels{0, 1, 1, 0}));
  EXPECT_EQ(labels("end,start\n20,11\n", 4, {0, 10, 20, 30}), (Labels{0, 0, 1, 0}));
  EXPECT_EQ(labels("start,end\n", 3), (Labels{0, 0, 0}));
  const double day = 86400;
  EXPECT_EQ(labels("1970-01-02 00:00:00.000000,1970-01-03\n", 4, {0, day, 2 * day, 3 * day}),
            (Labels{0, 1, 1, 0}));
}

TEST(SeriesLabels, RefuseWhatIsNone) {
  const auto refused = [](const char* text, size_t rows, const Values& times = {}) {
    return refusal([&] { labels(text, rows, times); });
  };
  EXPECT_EQ(refused("0\n1\n", 3), "l.csv: has 2 labels (expected 3, one for each point)");
  EXPECT_NE(refused("0\n2\n", 2).find("line 2: has a label that is neither"), std::string::npos);
  EXPECT_NE(refused("0\nnan\n", 2).find("line 2: column '1' has no number"), std::string::npos);
  EXPECT_NE(refused("start,end\n2,1\n", 4).find("line 2: is an interval that ends before"),
            std::string::npos);
  EXPECT_NE(refused("start,end\n2,9\n", 4).find("outside the series"), std::string::npos);
  EXPECT_NE(refused("start,end\n1.5,2\n", 4).find("outside the series"), std::string::npos);
  EXPECT_NE(refused("start,end\n1,9\n", 2, {20, 30}).find("holds no point"), std::string::npos);
  EXPECT_NE(refused("start,end\n1,9\n", 2, {30, 20}).find("don't rise"), std::string::npos);
  EXPECT_NE(refused("a,b\n1,0\n", 1).find("which column holds the labels"), std::string::npos);
}

}  // namespace
}  // namespace betimes::import

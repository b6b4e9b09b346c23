#include "systems/series/common/datasets.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/judge/series_metric.h"
#include "systems/series/common/anomgen.h"

namespace betimes::systems::series {
namespace {

namespace fs = std::filesystem;

class Datasets : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* part : {"a", "valve1", "valve2", "other"})
      fs::create_directories(folder_ / part);
  }
  void put(const std::string& name, const std::string& text) const {
    write_file((folder_ / name).string(), text);
  }
  std::string refusal() const {
    try {
      read_nab(folder_.string());
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }
  static fs::path data() {
    const char* given = std::getenv("BETIMES_SHARED");
    return (given ? fs::path(given) : fs::path(BETIMES_SOURCE_DIR) / ".." / "shared") / "data";
  }

  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
};

TEST_F(Datasets, NabWindowsBecomeLabels) {
  put("a/x.csv",
      "timestamp,value\n2014-01-01 00:00:00,1\n2014-01-01 00:05:00,2\n"
      "2014-01-01 00:10:00,3\n2014-01-01 00:15:00,4\n");
  put("a/y.csv", "timestamp,value\n2014-01-01 00:00:00,1\n");
  put("windows.json", R"({"a/y.csv": [], "a/x.csv": [["2014-01-01 00:05:00.000000",
                      "2014-01-01 00:10:00.000000"]]})");
  const auto all = read_nab(folder_.string());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "a/y.csv");
  EXPECT_EQ(all[0].labels, (std::vector<uint8_t>{0}));
  EXPECT_EQ(all[1].labels, (std::vector<uint8_t>{0, 1, 1, 0}));
  EXPECT_EQ(all[1].columns[0], (std::vector<double>{1, 2, 3, 4}));
}

TEST_F(Datasets, NabRefusesWhatIsHostile) {
  put("a/x.csv", "timestamp,value\n2014-01-01 00:00:00,1\n");
  const std::pair<const char*, const char*> cases[] = {
      {"[", "is no JSON object"},
      {"[1]", "is no JSON object"},
      {R"({"../../etc/passwd": []})", "names '../../etc/passwd'"},
      {R"({"/etc/passwd": []})", "names '/etc/passwd'"},
      {R"({"a/../../x": []})", "names"},
      {R"({"": []})", "names ''"},
      {R"({"a/none.csv": []})", "none.csv.gz: can't be opened"},
      {R"({"a/x.csv": 3})", "has no list of windows"},
      {R"({"a/x.csv": [["2014-01-01"]]})", "has the window [\"2014-01-01\"]"},
      {R"({"a/x.csv": [["2014-01-02", "2014-01-01"]]})", "has the window"},
      {R"({"a/x.csv": [[1, 2]]})", "has the window [1,2]"},
  };
  for (const auto& [text, expected] : cases) {
    put("windows.json", text);
    EXPECT_NE(refusal().find(expected), std::string::npos) << refusal();
  }
  put("windows.json", R"({"a/x.csv": []})");
  put("a/x.csv", "timestamp,value\n2014-01-01 00:00:00,one\n");
  EXPECT_NE(refusal().find("a/x.csv, line 2: 'one' is no number"), std::string::npos);
  put("a/x.csv", "value\n1\n");
  EXPECT_NE(refusal().find("isn't a series of NAB"), std::string::npos);
}

TEST_F(Datasets, SkabHasItsSensorsAndLabels) {
  put("valve1/0.csv",
      "datetime;A;B;anomaly;changepoint\n2020-03-09 10:14:33;1;2;0.0;0.0\n"
      "2020-03-09 10:14:34;3;4;1.0;1.0\n");
  const auto all = read_skab(folder_.string());
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "valve1/0.csv");
  EXPECT_EQ(all[0].columns, (std::vector<std::vector<double>>{{1, 3}, {2, 4}}));
  EXPECT_EQ(all[0].labels, (std::vector<uint8_t>{0, 1}));
  put("other/1.csv", "datetime;A\n2020-03-09 10:14:33;1\n");
  EXPECT_THROW(read_skab(folder_.string()), Error);
  fs::remove_all(folder_ / "other");
  EXPECT_THROW(read_skab(folder_.string()), Error);
}

TEST_F(Datasets, TsbUadHasValueAndLabel) {
  put("a/t.csv", "value,label\n0.5,0\n0.7,1\n");
  const judge::Series series = read_tsb_uad((folder_ / "a/t.csv").string());
  EXPECT_EQ(series.columns, (std::vector<std::vector<double>>{{0.5, 0.7}}));
  EXPECT_EQ(series.labels, (std::vector<uint8_t>{0, 1}));
  put("a/t.csv", "value\n0.5\n");
  EXPECT_THROW(read_tsb_uad((folder_ / "a/t.csv").string()), Error);
}

TEST_F(Datasets, RealOnesAreRead) {
  if (!fs::exists(data() / "nab")) GTEST_SKIP() << "no data sets at " << data();
  const auto nab = read_nab((data() / "nab").string());
  EXPECT_EQ(nab.size(), 55u);
  const auto labelled = std::ranges::count_if(
      nab, [](const judge::Series& s) { return std::ranges::count(s.labels, uint8_t{1}) > 0; });
  EXPECT_GE(labelled, 48);
  for (const judge::Series& series : nab) EXPECT_NO_THROW(judge::check(series)) << series.name;
  const auto skab = read_skab((data() / "skab").string());
  EXPECT_EQ(skab.size(), 32u);
  for (const judge::Series& series : skab) EXPECT_EQ(series.columns.size(), 8u) << series.name;
  const judge::Series ecg = read_tsb_uad((data() / "tsb-uad" / "MBA_ECG805_data.csv").string());
  EXPECT_EQ(ecg.points(), 230'400u);
}

TEST(Anomgen, PutsInWhatItIsAskedFor) {
  AnomgenOptions options;
  const judge::Series series = anomgen(options, 4);
  EXPECT_EQ(series.points(), 20'000u);
  const auto intervals = judge::stretches(series.labels);
  EXPECT_EQ(intervals.size(), 30u);
  for (size_t i = 0; i < intervals.size(); ++i) {
    const bool spike = i % 4 == 0;
    EXPECT_GE(intervals[i].length(), spike ? 1 : 20);
    EXPECT_LE(intervals[i].length(), spike ? 5 : 100);
  }
  EXPECT_EQ(anomgen(options, 4).columns, series.columns);
  EXPECT_NE(anomgen(options, 5).columns, series.columns);
  options.anomalies = 101;
  EXPECT_THROW(anomgen(options, 4), Error);
}

TEST(Anomgen, FlatIsFlatAndShiftsShift) {
  AnomgenOptions options{2000, 5, {Anomaly::flat}, 0.2};
  const judge::Series flat = anomgen(options, 1);
  for (const judge::Stretch& s : judge::stretches(flat.labels)) {
    for (int64_t i = s.first; i <= s.last; ++i) {
      EXPECT_EQ(flat.columns[0][static_cast<size_t>(i)],
                flat.columns[0][static_cast<size_t>(s.first - 1)]);
    }
  }
  // The same seed without anomalies of that kind differs inside of them only.
  options.kinds = {Anomaly::level_shift};
  const judge::Series shifted = anomgen(options, 1);
  ASSERT_EQ(shifted.labels, flat.labels);
  for (size_t i = 0; i < flat.points(); ++i) {
    const bool same = shifted.columns[0][i] == flat.columns[0][i];
    EXPECT_EQ(same, flat.labels[i] == 0) << i;
  }
}

}  // namespace
}  // namespace betimes::systems::series

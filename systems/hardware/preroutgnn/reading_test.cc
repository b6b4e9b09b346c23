#include "systems/hardware/preroutgnn/reading.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::preroutgnn {
namespace {

Arc random_arc(Random& random) {
  Arc arc;
  for (DelayTable& table : arc) {
    table.rows = static_cast<uint8_t>(1 + random.below(axis_length));
    table.columns = static_cast<uint8_t>(1 + random.below(axis_length));
    for (float& each : table.row_axis) each = static_cast<float>(random.uniform(0.01, 2));
    for (float& each : table.column_axis) each = static_cast<float>(random.uniform(0.01, 2));
    for (float& each : table.values) each = static_cast<float>(random.uniform(-1, 3));
  }
  return arc;
}

/// Softmax over the real entries, in double precision.
double naive(const DelayTable& table, const Statistics& statistics, double score) {
  double sum = 0, weighted = 0;
  for (size_t i = 0; i < table.rows; ++i) {
    for (size_t j = 0; j < table.columns; ++j) {
      const double key =
          double{table.row_axis[i]} * double{table.column_axis[j]} / double{statistics.key};
      const double weight = std::exp(score * key);
      sum += weight;
      weighted += weight * double{table.values[i * axis_length + j]} / double{statistics.delay};
    }
  }
  return weighted / sum;
}

struct Case {
  std::vector<Arc> library;
  ModelOptions options;
  Statistics statistics;
};

Case random_case(int64_t corners) {
  Random random(3);
  Case made;
  for (int i = 0; i < 4; ++i) made.library.push_back(random_arc(random));
  made.options.corners = corners;
  made.statistics.key = 0.7f;
  made.statistics.delay = 0.3f;
  return made;
}

TEST(PreRouteReading, EqualsNaiveSoftmaxOverRealEntries) {
  for (const int64_t corners : {1, 2}) {
    const Case made = random_case(corners);
    const auto chosen = tables(made.options);
    const TableEntries entries = table_entries(made.library, made.options, made.statistics);
    const std::vector<int64_t> arcs = {2, 0, 3, 1, 1};
    constexpr int64_t heads = 3;
    Random random(5);
    std::vector<float> scores(arcs.size() * chosen.size() * heads), read(scores.size()),
        slopes(scores.size());
    for (float& each : scores) each = static_cast<float>(random.uniform(-6, 6));
    read_tables(entries, arcs, scores, heads, read, slopes);
    size_t at = 0;
    for (const int64_t arc : arcs) {
      for (const size_t t : chosen) {
        for (int64_t h = 0; h < heads; ++h, ++at) {
          const DelayTable& table = made.library[static_cast<size_t>(arc)][t];
          const double score = double{scores[at]}, step = 1e-4;
          EXPECT_NEAR(double{read[at]}, naive(table, made.statistics, score), 2e-5);
          const double slope = (naive(table, made.statistics, score + step) -
                                naive(table, made.statistics, score - step)) /
                               (2 * step);
          EXPECT_NEAR(double{slopes[at]}, slope, 2e-4);
        }
      }
    }
  }
}

TEST(PreRouteReading, LargeScoresChooseAnEntry) {
  const Case made = random_case(1);
  const TableEntries entries = table_entries(made.library, made.options, made.statistics);
  std::vector<float> scores(4, 1e6f), read(4);
  const std::vector<int64_t> arcs = {0};
  read_tables(entries, arcs, scores, 1, read, {});
  const DelayTable& table = made.library[0][tables(made.options)[0]];
  double key = -1, value = 0;
  for (size_t i = 0; i < table.rows; ++i) {
    for (size_t j = 0; j < table.columns; ++j) {
      const double own = double{table.row_axis[i] * table.column_axis[j]};
      if (own <= key) continue;
      key = own;
      value = double{table.values[i * axis_length + j] / made.statistics.delay};
    }
  }
  EXPECT_NEAR(double{read[0]}, value, 1e-5);
}

TEST(PreRouteReading, TableWithoutEntriesReadsZero) {
  Case made = random_case(1);
  for (DelayTable& table : made.library[1]) table.rows = 0;
  const TableEntries entries = table_entries(made.library, made.options, made.statistics);
  std::vector<float> scores(4, 2.0f), read(4, 9.0f), slopes(4, 9.0f);
  const std::vector<int64_t> arcs = {1};
  read_tables(entries, arcs, scores, 1, read, slopes);
  EXPECT_EQ(read, std::vector<float>(4, 0.0f));
  EXPECT_EQ(slopes, std::vector<float>(4, 0.0f));
}

TEST(PreRouteReading, RefusesWhatDoesNotFit) {
  const Case made = random_case(1);
  const TableEntries entries = table_entries(made.library, made.options, made.statistics);
  std::vector<float> scores(4), read(4), few(3);
  EXPECT_THROW(read_tables(entries, std::vector<int64_t>{4}, scores, 1, read, {}), Error);
  EXPECT_THROW(read_tables(entries, std::vector<int64_t>{-1}, scores, 1, read, {}), Error);
  EXPECT_THROW(read_tables(entries, std::vector<int64_t>{0}, few, 1, read, {}), Error);
  Case large = random_case(1);
  large.library[0][2].rows = 8;
  EXPECT_THROW(table_entries(large.library, large.options, large.statistics), Error);
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

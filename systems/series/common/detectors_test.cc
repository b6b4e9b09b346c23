#include "systems/series/common/detectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/judge/rhythm.h"
#include "systems/series/common/windows.h"

namespace betimes::systems::series {
namespace {

using Values = std::vector<double>;
using Matrix = std::vector<Values>;

judge::Series series_of(Matrix columns) { return {"test", std::move(columns), {}}; }

const judge::Detector& find(const std::vector<std::unique_ptr<judge::Detector>>& all,
                            const std::string& name) {
  for (const auto& detector : all) {
    if (detector->name() == name) return *detector;
  }
  throw std::logic_error("no detector " + name);
}

Values scores(const std::string& name, const judge::Series& series, DetectorOptions options = {}) {
  return find(detectors(options), name).scores(series, 1);
}

Values wave(size_t points, double period, double noise, uint64_t seed) {
  Random random(seed);
  Values values;
  for (size_t i = 0; i < points; ++i) {
    values.push_back(std::sin(2 * std::numbers::pi * static_cast<double>(i) / period) +
                     noise * random.normal());
  }
  return values;
}

Values standard(const Values& values) {
  double mean = 0, squares = 0;
  for (const double x : values) mean += x / static_cast<double>(values.size());
  for (const double x : values) squares += (x - mean) * (x - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
  Values result;
  for (const double x : values) result.push_back((x - mean) / deviation);
  return result;
}

TEST(Detectors, FindASpikeInACycle) {
  Values values = wave(2000, 50, 0.05, 3);
  values[1200] += 3;
  for (const auto& detector : detectors()) {
    if (detector->name() == "random" || detector->name() == "perfect") continue;
    const Values found = detector->scores(series_of({values}), 1);
    ASSERT_EQ(found.size(), values.size());
    const auto top = std::max_element(found.begin(), found.end()) - found.begin();
    const bool seasonal = detector->name() == "seasonal-naive";  // sees it again a period later
    EXPECT_TRUE(top == 1200 || (seasonal && top == 1250)) << detector->name() << " at " << top;
  }
}

TEST(Detectors, ResidualsAreWhatTheirNamesSay) {
  Random random(4);
  Values values;
  for (int i = 0; i < 60; ++i) values.push_back(random.uniform(-5, 9));
  const Values x = standard(values);
  const Values z = scores("z-score", series_of({values}));
  const Values average = scores("moving-average", series_of({values}), {7, 10});
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(z[i], std::fabs(x[i]), 1e-9);
    double sum = 0;
    const size_t before = std::min<size_t>(i, 7);
    for (size_t j = i - before; j < i; ++j) sum += x[j];
    EXPECT_NEAR(average[i], before ? std::fabs(x[i] - sum / static_cast<double>(before)) : 0, 1e-9);
  }
  const Values cycle = wave(500, 20, 0.3, 6);
  const auto period = static_cast<size_t>(judge::rhythm(cycle));
  EXPECT_EQ(period, 20u);
  const Values y = standard(cycle);
  const Values seasonal = scores("seasonal-naive", series_of({cycle}));
  for (size_t i = 0; i < y.size(); ++i) {
    EXPECT_NEAR(seasonal[i], i < period ? 0 : std::fabs(y[i] - y[i - period]), 1e-9);
  }
}

TEST(Detectors, SeveralColumnsAddInSquares) {
  const Values a = wave(300, 30, 0.2, 1), b = wave(300, 17, 0.4, 2);
  const Values both = scores("z-score", series_of({a, b}));
  const Values first = scores("z-score", series_of({a})),
               second = scores("z-score", series_of({b}));
  for (size_t i = 0; i < both.size(); ++i) {
    EXPECT_NEAR(both[i], std::hypot(first[i], second[i]), 1e-12);
  }
}

TEST(Detectors, AutoregressionFindsTheCoefficients) {
  Random random(9);
  Values values = {0, 0};
  for (size_t i = 2; i < 50'000; ++i) {
    values.push_back(1.2 * values[i - 1] - 0.5 * values[i - 2] + random.normal());
  }
  const Values a = autoregression(values, 2);
  EXPECT_NEAR(a[0], 1.2, 0.02);
  EXPECT_NEAR(a[1], -0.5, 0.02);
  // The Yule-Walker equations themselves.
  const Values b = autoregression(values, 4);
  const auto covariance = [&](size_t lag) {
    double sum = 0;
    for (size_t i = lag; i < values.size(); ++i) sum += values[i] * values[i - lag];
    return sum;
  };
  for (size_t i = 1; i <= 4; ++i) {
    double sum = 0;
    for (size_t j = 1; j <= 4; ++j) sum += b[j - 1] * covariance(i > j ? i - j : j - i);
    EXPECT_NEAR(sum / covariance(0), covariance(i) / covariance(0), 1e-6);
  }
  EXPECT_EQ(autoregression(Values(100), 3), Values(3));
}

/// Eigenvectors, by falling eigenvalue, by Jacobi's rotations.
std::pair<Values, Matrix> jacobi(Matrix a) {
  const size_t n = a.size();
  Matrix v(n, Values(n));
  for (size_t i = 0; i < n; ++i) v[i][i] = 1;
  for (int sweep = 0; sweep < 60; ++sweep) {
    for (size_t p = 0; p < n; ++p) {
      for (size_t q = p + 1; q < n; ++q) {
        const double angle = 0.5 * std::atan2(2 * a[p][q], a[q][q] - a[p][p]);
        const double c = std::cos(angle), s = std::sin(angle);
        const auto turn = [&](double& x, double& y) {
          const double old = x;
          x = c * old - s * y;
          y = s * old + c * y;
        };
        for (size_t k = 0; k < n; ++k) turn(a[k][p], a[k][q]);
        for (size_t k = 0; k < n; ++k) turn(a[p][k], a[q][k]);
        for (size_t k = 0; k < n; ++k) turn(v[k][p], v[k][q]);
      }
    }
  }
  std::vector<size_t> order(n);
  for (size_t i = 0; i < n; ++i) order[i] = i;
  std::ranges::sort(order, [&](size_t i, size_t j) { return a[i][i] > a[j][j]; });
  Values values;
  Matrix vectors;
  for (const size_t i : order) {
    values.push_back(a[i][i]);
    vectors.emplace_back();
    for (size_t k = 0; k < n; ++k) vectors.back().push_back(v[k][i]);
  }
  return {values, vectors};
}

TEST(Detectors, PcaLeavesWhatTheMainComponentsDoNotExplain) {
  const size_t length = 6;
  const Values values = wave(90, 15, 0.3, 8);
  const Values x = standard(values);
  const size_t count = x.size() - length + 1;
  Values mean(length);
  for (size_t w = 0; w < count; ++w) {
    for (size_t i = 0; i < length; ++i) mean[i] += x[w + i] / static_cast<double>(count);
  }
  Matrix covariance(length, Values(length));
  for (size_t w = 0; w < count; ++w) {
    for (size_t i = 0; i < length; ++i) {
      for (size_t j = 0; j < length; ++j) {
        covariance[i][j] += (x[w + i] - mean[i]) * (x[w + j] - mean[j]);
      }
    }
  }
  const auto [variances, vectors] = jacobi(covariance);
  double total = 0, explained = 0;
  for (const double v : variances) total += v;
  size_t kept = 0;
  while (explained < 0.9 * total) explained += variances[kept++];
  ASSERT_LT(kept, length);
  Values sums(x.size()), counts(x.size());
  for (size_t w = 0; w < count; ++w) {
    for (size_t i = 0; i < length; ++i) {
      double left = x[w + i] - mean[i];
      for (size_t c = 0; c < kept; ++c) {
        double along = 0;
        for (size_t j = 0; j < length; ++j) along += (x[w + j] - mean[j]) * vectors[c][j];
        left -= along * vectors[c][i];
      }
      sums[w + i] += left * left;
      ++counts[w + i];
    }
  }
  const Values found = scores("pca", series_of({values}), {static_cast<int64_t>(length), 10});
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(found[i], std::sqrt(sums[i] / counts[i]), 1e-4);
  }
}

TEST(Detectors, RandomNeedsOnlyTheSeedAndPerfectTheLabels) {
  const auto all = detectors();
  judge::Series series = series_of({Values{1, 2, 3, 4}});
  const judge::Detector& random = find(all, "random");
  EXPECT_EQ(random.scores(series, 5), random.scores(series, 5));
  EXPECT_NE(random.scores(series, 5), random.scores(series, 6));
  EXPECT_THROW(find(all, "perfect").scores(series, 1), Error);
  series.labels = {0, 1, 1, 0};
  EXPECT_EQ(find(all, "perfect").scores(series, 1), (Values{0, 1, 1, 0}));
}

TEST(Detectors, GiveFiniteScoresForWhatIsUgly) {
  const std::vector<judge::Series> ugly = {
      series_of({Values(300, 7.7)}),                        // constant
      series_of({Values(300, 0.1), wave(300, 9, 0.1, 2)}),  // one constant column
      series_of({Values{1, 2, 3, 4, 5, 6, 7, 8}}),          // short
      series_of({wave(64, 9, 0, 2)}),                       // without noise
      series_of({[] {
        Values huge = wave(100, 9, 0.1, 2);
        huge[50] = 1e150;
        return huge;
      }()}),
  };
  for (const judge::Series& series : ugly) {
    for (const auto& detector : detectors()) {
      if (detector->name() == "perfect") continue;
      for (const double score : detector->scores(series, 1)) {
        ASSERT_TRUE(std::isfinite(score)) << detector->name();
      }
    }
  }
}

TEST(Detectors, RefuseWhatIsNoSeries) {
  const std::vector<judge::Series> bad = {series_of({}),
                                          series_of({Values{}}),
                                          series_of({Values{1, 2}, Values{1}}),
                                          series_of({Values{1, NAN, 3, 4, 5, 6, 7, 8, 9}}),
                                          {"test", {Values(10)}, {1}}};
  for (const judge::Series& series : bad) {
    for (const auto& detector : detectors()) {
      EXPECT_THROW(detector->scores(series, 1), Error) << detector->name();
    }
  }
  EXPECT_THROW(scores("pca", series_of({Values{1, 2, 3}})), Error);
  EXPECT_THROW(detectors({1, 10}), Error);
}

TEST(Windows, AreCopiedColumnAfterColumn) {
  const judge::Series series = series_of({wave(40, 9, 0.1, 1), wave(40, 5, 0.1, 2)});
  const Matrix x = standardized(series);
  const Windows windows(series, 4);
  EXPECT_EQ(windows.length(), 4);
  EXPECT_EQ(windows.width(), 8);
  EXPECT_EQ(windows.count(), 37);
  std::vector<float> two(16);
  windows.copy(5, 2, two);
  EXPECT_FLOAT_EQ(two[0], static_cast<float>(x[0][5]));
  EXPECT_FLOAT_EQ(two[4 + 3], static_cast<float>(x[1][8]));
  EXPECT_FLOAT_EQ(two[8 + 4], static_cast<float>(x[1][6]));
  EXPECT_EQ(Windows(series, 1000).length(), 10);  // a quarter of the series
}

TEST(Windows, ScoresAreRootMeanSquares) {
  const judge::Series series = series_of({wave(8, 3, 0.1, 1)});
  const Windows windows(series, 2);
  PointScores scores(windows);
  scores.add(0, 2, std::vector<float>{1, 2, 4, 0});
  const Values found = scores.scores();
  EXPECT_DOUBLE_EQ(found[0], 1);
  EXPECT_DOUBLE_EQ(found[1], std::sqrt((4.0 + 16.0) / 2));
  EXPECT_DOUBLE_EQ(found[2], 0);
  EXPECT_DOUBLE_EQ(found[3], 0);
}

}  // namespace
}  // namespace betimes::systems::series

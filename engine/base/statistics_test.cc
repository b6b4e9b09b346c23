#include "betimes/base/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "betimes/base/random.h"

namespace betimes {
namespace {

// P(X <= k), term by term in long double: independent of the continued fraction.
double binomial_by_sum(int k, int n, double p) {
  long double sum = 0;
  long double term = std::pow(1 - static_cast<long double>(p), n);
  for (int i = 0; i <= k; ++i) {
    sum += term;
    term *= static_cast<long double>(n - i) / (i + 1) * p / (1 - static_cast<long double>(p));
  }
  return static_cast<double>(sum);
}

TEST(IncompleteBeta, ClosedForms) {
  for (const double x : {0.0, 0.01, 0.3, 0.5, 0.77, 0.999, 1.0}) {
    EXPECT_NEAR(incomplete_beta(x, 1, 1), x, 1e-14);
    EXPECT_NEAR(incomplete_beta(x, 3.5, 1), std::pow(x, 3.5), 1e-14);
    EXPECT_NEAR(incomplete_beta(x, 1, 7), 1 - std::pow(1 - x, 7), 1e-14);
    EXPECT_NEAR(incomplete_beta(x, 2, 2), x * x * (3 - 2 * x), 1e-14);
    // The arcsine distribution.
    EXPECT_NEAR(incomplete_beta(x, 0.5, 0.5), 2 / M_PI * std::asin(std::sqrt(x)), 1e-12);
    EXPECT_NEAR(incomplete_beta(x, 4, 9) + incomplete_beta(1 - x, 9, 4), 1, 1e-13);
  }
}

TEST(IncompleteBeta, OutsideItsDomainIsNaN) {
  EXPECT_TRUE(std::isnan(incomplete_beta(-0.1, 1, 1)));
  EXPECT_TRUE(std::isnan(incomplete_beta(1.1, 1, 1)));
  EXPECT_TRUE(std::isnan(incomplete_beta(0.5, 0, 1)));
  EXPECT_TRUE(std::isnan(incomplete_beta(NAN, 1, 1)));
}

// Abramowitz and Stegun, table 26.7: upper points of Student's t; P(|T| > t) = I_{v/(v+t^2)}(v/2,
// 1/2).
TEST(IncompleteBeta, StudentTable) {
  struct Row {
    double freedom, t, both_tails;
  };
  for (const Row& row : {Row{1, 12.706, 0.05}, Row{5, 2.571, 0.05}, Row{10, 3.169, 0.01},
                         Row{30, 2.042, 0.05}, Row{120, 2.617, 0.01}}) {
    const double x = row.freedom / (row.freedom + row.t * row.t);
    EXPECT_NEAR(incomplete_beta(x, row.freedom / 2, 0.5), row.both_tails, row.both_tails * 2e-3);
  }
}

TEST(BinomialCdf, MatchesTheSum) {
  for (const int n : {1, 2, 17, 300, 2000}) {
    for (const double p : {0.01, 0.2, 0.5, 0.9}) {
      for (int k = -1; k <= n; k += std::max(1, n / 13)) {
        EXPECT_NEAR(binomial_cdf(k, n, p), binomial_by_sum(k, n, p), 1e-11)
            << k << " of " << n << " at " << p;
      }
    }
  }
}

TEST(NormalQuantile, Table) {
  EXPECT_NEAR(normal_quantile(0.5), 0, 1e-12);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(normal_quantile(0.995), 2.575829303548901, 1e-12);
  EXPECT_NEAR(normal_quantile(0.01), -2.326347874040841, 1e-12);
}

TEST(Descriptions, SmallSamples) {
  const std::vector<double> odd = {5, 1, 9};
  const std::vector<double> even = {4, 1, 3, 100};
  EXPECT_EQ(median(odd), 5);
  EXPECT_EQ(median(even), 3.5);
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(mean(even), 27);
  EXPECT_DOUBLE_EQ(standard_deviation(odd), 4);
  EXPECT_EQ(standard_deviation(std::vector<double>{7}), 0);
  EXPECT_EQ(median_absolute_deviation(std::vector<double>{1, 1, 2, 2, 4, 6, 9}), 1);
}

TEST(Descriptions, NearestRank) {
  const std::vector<double> sorted = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_EQ(quantile_of_sorted(sorted, 0), 1);
  EXPECT_EQ(quantile_of_sorted(sorted, 0.5), 5);
  EXPECT_EQ(quantile_of_sorted(sorted, 0.9), 9);
  EXPECT_EQ(quantile_of_sorted(sorted, 0.91), 10);
  EXPECT_EQ(quantile_of_sorted(sorted, 1), 10);
  EXPECT_EQ(quantile_of_sorted({}, 0.5), 0);
}

// For 10 samples the interval of the median of at least 95 % is the 2nd to the 9th (97.9 %); a
// textbook case.
TEST(QuantileRanks, TextbookMedian) {
  const OrderRanks ranks = quantile_ranks(10, 0.5, 0.95);
  EXPECT_EQ(ranks.low, 2);
  EXPECT_EQ(ranks.high, 9);
  EXPECT_TRUE(ranks.reached);
}

TEST(QuantileRanks, TooFewSamplesSaySo) {
  EXPECT_FALSE(quantile_ranks(0, 0.5, 0.95).reached);
  EXPECT_FALSE(quantile_ranks(5, 0.5, 0.95).reached);
  EXPECT_TRUE(quantile_ranks(6, 0.5, 0.95).reached);
  // The largest of n is above the 99th percentile with probability 1 - 0.99^n.
  EXPECT_FALSE(quantile_ranks(367, 0.99, 0.95).reached);
  EXPECT_TRUE(quantile_ranks(368, 0.99, 0.95).reached);
}

TEST(QuantileRanks, CoverInSimulation) {
  struct Case {
    int samples;
    double q;
  };
  Random random(1);
  for (const Case& c : {Case{20, 0.5}, Case{100, 0.9}, Case{700, 0.99}}) {
    const OrderRanks ranks = quantile_ranks(c.samples, c.q, 0.95);
    ASSERT_TRUE(ranks.reached);
    int covered = 0;
    constexpr int trials = 3000;
    std::vector<double> x(static_cast<size_t>(c.samples));
    for (int trial = 0; trial < trials; ++trial) {
      for (double& value : x) value = random.uniform();
      std::sort(x.begin(), x.end());
      covered += x[static_cast<size_t>(ranks.low) - 1] <= c.q &&
                 c.q <= x[static_cast<size_t>(ranks.high) - 1];
    }
    // Four standard deviations below the nominal level; discreteness only makes it cover more.
    EXPECT_GE(covered, trials * (0.95 - 4 * std::sqrt(0.95 * 0.05 / trials)))
        << c.samples << " samples at " << c.q;
    EXPECT_LE(covered, trials * 0.995);
  }
}

// Newcombe 1998, Statistics in Medicine 17, table I, method 3: 81/263, 15/148, 0/20, 1/29.
TEST(Wilson, PublishedIntervals) {
  struct Row {
    int successes, trials;
    double low, high;
  };
  for (const Row& row : {Row{81, 263, 0.2553, 0.3662}, Row{15, 148, 0.0624, 0.1605},
                         Row{0, 20, 0.0, 0.1611}, Row{1, 29, 0.0061, 0.1718}}) {
    const Interval interval = wilson_interval(row.successes, row.trials, 0.95);
    EXPECT_NEAR(interval.low, row.low, 6e-5);
    EXPECT_NEAR(interval.high, row.high, 6e-5);
  }
  EXPECT_EQ(wilson_interval(0, 0, 0.95), (Interval{0, 1}));
}

TEST(Paired, PairingRemovesWhatIsCommon) {
  Random random(3);
  std::vector<double> a(400), b(400);
  for (size_t i = 0; i < a.size(); ++i) {
    const double common = 100 * random.normal();
    a[i] = common + random.normal();
    b[i] = common + random.normal() + 1;
  }
  const Interval exact = paired_interval(a, b, 0.95);
  const Interval resampled = paired_bootstrap(a, b, 0.95, 5);
  EXPECT_LT(exact.high - exact.low, 0.4);  // 2 * 1.96 * sqrt(2 / 400)
  EXPECT_NEAR(exact.low, resampled.low, 0.03);
  EXPECT_NEAR(exact.high, resampled.high, 0.03);
  EXPECT_EQ(paired_bootstrap(a, b, 0.95, 5), resampled);
  EXPECT_FALSE(paired_bootstrap(a, b, 0.95, 6) == resampled);
}

TEST(Paired, CoversInSimulation) {
  Random random(7);
  int normal = 0, bootstrap = 0;
  constexpr int trials = 400;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<double> a(60), b(60);
    for (size_t i = 0; i < a.size(); ++i) {
      a[i] = random.uniform();
      b[i] = a[i] + random.uniform() - 0.5;  // no difference in the mean
    }
    const Interval n = paired_interval(a, b, 0.95);
    const Interval r = paired_bootstrap(a, b, 0.95, static_cast<uint64_t>(trial), 300);
    normal += n.low <= 0 && 0 <= n.high;
    bootstrap += r.low <= 0 && 0 <= r.high;
  }
  EXPECT_GE(normal, trials * 0.90);
  EXPECT_GE(bootstrap, trials * 0.89);
  EXPECT_LT(normal, trials);
  EXPECT_LT(bootstrap, trials);
}

TEST(MlPerf, FixedCounts) {
  EXPECT_EQ(fixed_query_count(0.90), 24576);
  EXPECT_EQ(fixed_query_count(0.95), 57344);
  EXPECT_EQ(fixed_query_count(0.97), 90112);
  EXPECT_EQ(fixed_query_count(0.99), 270336);
}

TEST(MlPerf, LeastQueriesOfTheStreamScenarios) {
  EXPECT_EQ(early_stopping_queries(1, 0.90), 64);
  EXPECT_EQ(early_stopping_queries(1, 0.99), 662);
  EXPECT_EQ(early_stopping_missing(0, 0.90), 64);
  EXPECT_EQ(early_stopping_missing(600, 0.99), 62);
  EXPECT_EQ(early_stopping_missing(662, 0.99), 0);
}

// Directly from the definition, by sums of binomial terms: h is the least number of queries within
// the bound that would be met by chance, at exactly the percentile, once in a hundred times.
TEST(MlPerf, QueriesMatchTheDefinition) {
  for (const double p : {0.5, 0.9, 0.97}) {
    for (int over = 0; over < 12; ++over) {
      int h = 1;
      while (binomial_by_sum(over, h + over, 1 - p) > 0.01) ++h;
      EXPECT_EQ(early_stopping_queries(over, p), h + over) << over << " over at " << p;
    }
  }
}

TEST(MlPerf, CheckSaysHowManyMore) {
  EXPECT_FALSE(early_stopping_check(43, 0, 0.9).valid);
  EXPECT_EQ(early_stopping_check(43, 0, 0.9).more, 1);  // 0.9^44 < 0.01
  EXPECT_TRUE(early_stopping_check(44, 0, 0.9).valid);
  EXPECT_EQ(early_stopping_check(44, 1, 0.9).more, 20);
  const BoundCheck many = early_stopping_check(270336, 2500, 0.99);
  EXPECT_TRUE(many.valid);
  EXPECT_FALSE(early_stopping_check(270336, 2704, 0.99).valid);
}

TEST(MlPerf, EstimateDiscardsAllButOne) {
  std::vector<double> sorted(200);
  for (size_t i = 0; i < sorted.size(); ++i) sorted[i] = static_cast<double>(i + 1);
  EXPECT_EQ(early_stopping_estimate(std::span(sorted).first(63), 0.9), std::nullopt);
  EXPECT_EQ(early_stopping_estimate(std::span(sorted).first(64), 0.9), 64);
  // t grows to 2 at n(2) queries: then one is discarded.
  const auto second = static_cast<size_t>(early_stopping_queries(2, 0.9));
  ASSERT_LE(second, 200u);
  EXPECT_EQ(early_stopping_estimate(std::span(sorted).first(second - 1), 0.9), second - 1);
  EXPECT_EQ(early_stopping_estimate(std::span(sorted).first(second), 0.9), second - 1);
}

TEST(MlPerf, EstimateIsAnUpperBoundInSimulation) {
  Random random(11);
  int below = 0;
  constexpr int trials = 2000;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<double> x(150);
    for (double& value : x) value = random.uniform();
    std::sort(x.begin(), x.end());
    below += early_stopping_estimate(x, 0.9).value() < 0.9;
  }
  EXPECT_LE(below, trials * 0.01 + 4 * std::sqrt(trials * 0.01));
}

}  // namespace
}  // namespace betimes

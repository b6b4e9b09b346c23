#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace betimes {

struct Interval {
  double low = 0;
  double high = 0;
  bool operator==(const Interval&) const = default;
};

// --- Functions -----------------------------------------------------------------------------------

/// Regularised incomplete beta function I_x(a, b), a, b > 0, x in [0, 1]; NaN elsewhere.
/// Continued fraction 8.17.22 of the NIST Digital Library of Mathematical Functions, evaluated by
/// the modified method of Lentz (1976).
double incomplete_beta(double x, double a, double b);
/// P(at most k successes in n trials of probability p).
double binomial_cdf(int64_t k, int64_t n, double p);
/// x with P(Z <= x) = p for standard normal Z, p in (0, 1).
double normal_quantile(double p);

// --- Descriptions of samples. Empty samples give 0. ----------------------------------------------

double mean(std::span<const double> samples);
/// Sample standard deviation (n - 1); 0 for fewer than two samples.
double standard_deviation(std::span<const double> samples);
double median(std::span<const double> samples);
/// Median absolute deviation from the median, unscaled.
double median_absolute_deviation(std::span<const double> samples);
/// The nearest-rank quantile: the ceil(q n)-th smallest, so that it is a value that occurred.
double quantile_of_sorted(std::span<const double> sorted, double q);

// --- Intervals -----------------------------------------------------------------------------------

/// Ranks (1-based) of the order statistics that enclose the q-quantile of any distribution with
/// probability `level` at least (David and Nagaraja, Order Statistics, 7.1). With too few samples
/// the outermost are given and `reached` is false.
struct OrderRanks {
  int64_t low = 1;
  int64_t high = 1;
  bool reached = false;
};
OrderRanks quantile_ranks(int64_t samples, double q, double level);

/// Score interval of a proportion (Wilson 1927).
Interval wilson_interval(double successes, int64_t trials, double level);
/// Normal interval of a mean; the mean alone for fewer than two samples.
Interval normal_interval(std::span<const double> samples, double level);
/// Interval of mean(b - a) over pairs: normal, or by resampling pairs (percentile bootstrap, Efron
/// 1979). Both spans have the same length.
Interval paired_interval(std::span<const double> a, std::span<const double> b, double level);
Interval paired_bootstrap(std::span<const double> a, std::span<const double> b, double level,
                          uint64_t seed, int resamples = 2000);

// --- MLPerf Inference: how many queries a percentile needs ---------------------------------------
// Reddi et al., MLPerf Inference Benchmark (ISCA 2020), and the rules' appendix on early stopping.
// `percentile` in (0, 1); `confidence` 0.99 in the rules.

/// The fixed number: normal approximation with a margin of one twentieth of the tail, rounded up to
/// a multiple of 8192. 24,576 for p90 and 270,336 for p99.
int64_t fixed_query_count(double percentile, double confidence = 0.99);

/// n(t): the least number of queries with which `over` of them over the bound still show, with
/// `confidence`, that at least `percentile` of all are within it: h + t for the least h with
/// I_p(h, t + 1) <= 1 - confidence.
int64_t early_stopping_queries(int64_t over, double percentile, double confidence = 0.99);

/// Against a bound: of `queries`, `over` were slower. `more` is how many further ones, all within
/// the bound, would make it valid.
struct BoundCheck {
  bool valid = false;
  int64_t more = 0;
};
BoundCheck early_stopping_check(int64_t queries, int64_t over, double percentile,
                                double confidence = 0.99);

/// Without a bound (single and multi stream): the value that the percentile lies below with
/// `confidence`: the t - 1 largest of the samples are discarded, where t is the largest with
/// n(t) <= samples, and the largest that remains is taken. Nullopt with fewer than n(1) samples
/// (64 for p90, 662 for p99).
std::optional<double> early_stopping_estimate(std::span<const double> sorted, double percentile,
                                              double confidence = 0.99);
/// Samples still missing for such an estimate; 0 when there are enough.
int64_t early_stopping_missing(int64_t samples, double percentile, double confidence = 0.99);

}  // namespace betimes

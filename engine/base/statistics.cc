#include "betimes/base/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

#include "betimes/base/random.h"

namespace betimes {
namespace {

double log_gamma(double x) {
  int sign = 0;  // std::lgamma writes a global one
  return ::lgamma_r(x, &sign);
}

/// The continued fraction of DLMF 8.17.22, for x below (a + 1) / (a + b + 2), where it is quick.
double beta_fraction(double x, double a, double b) {
  constexpr double tiny = 1e-300;
  constexpr double epsilon = 1e-15;
  constexpr int most_terms = 1'000'000;
  const auto away_from_zero = [](double value) { return std::fabs(value) < tiny ? tiny : value; };
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double result = d;
  for (int m = 1; m <= most_terms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    result *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    result *= d * c;
    if (std::fabs(d * c - 1) < epsilon) break;
  }
  return result;
}

double median_of(std::vector<double>& samples) {
  if (samples.empty()) return 0;
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  if (samples.size() % 2) return *middle;
  return (*std::max_element(samples.begin(), middle) + *middle) / 2;
}

std::vector<double> differences(std::span<const double> a, std::span<const double> b) {
  std::vector<double> result(std::min(a.size(), b.size()));
  for (size_t i = 0; i < result.size(); ++i) result[i] = b[i] - a[i];
  return result;
}

/// Least n in [low, high] that `holds`, which once true stays true.
template <class F>
int64_t least(int64_t low, int64_t high, const F& holds) {
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (holds(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

}  // namespace

double incomplete_beta(double x, double a, double b) {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0 || x == 1) return x;
  const double log_front =
      log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x);
  const double front = std::exp(log_front);
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
  return 1 - front * beta_fraction(1 - x, b, a) / b;
}

double binomial_cdf(int64_t k, int64_t n, double p) {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incomplete_beta(1 - p, static_cast<double>(n - k), static_cast<double>(k + 1));
}

double normal_quantile(double p) {
  double low = -39;  // the smallest double is above P(Z <= -39)
  double high = 39;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::numbers::sqrt2) / 2 < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

double mean(std::span<const double> samples) {
  if (samples.empty()) return 0;
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

double standard_deviation(std::span<const double> samples) {
  if (samples.size() < 2) return 0;
  const double centre = mean(samples);
  double sum = 0;
  for (const double x : samples) sum += (x - centre) * (x - centre);
  return std::sqrt(sum / static_cast<double>(samples.size() - 1));
}

double median(std::span<const double> samples) {
  std::vector<double> copy(samples.begin(), samples.end());
  return median_of(copy);
}

double median_absolute_deviation(std::span<const double> samples) {
  const double centre = median(samples);
  std::vector<double> deviations(samples.begin(), samples.end());
  for (double& x : deviations) x = std::fabs(x - centre);
  return median_of(deviations);
}

double quantile_of_sorted(std::span<const double> sorted, double q) {
  if (sorted.empty()) return 0;
  const double n = static_cast<double>(sorted.size());
  // The tolerance keeps 0.9 * 10, which is a little over 9 in binary, at rank 9.
  const double rank = std::clamp(std::ceil(q * n - 1e-9 * n), 1.0, n);
  return sorted[static_cast<size_t>(rank) - 1];
}

OrderRanks quantile_ranks(int64_t samples, double q, double level) {
  if (samples < 1) return {1, 1, false};
  const double tail = (1 - level) / 2;
  // The quantile lies below the r-th smallest when at most r - 1 samples are below it.
  const int64_t low =
      least(1, samples + 1, [&](int64_t r) { return binomial_cdf(r - 1, samples, q) > tail; }) - 1;
  // ... and above it when at least r are.
  const int64_t high =
      least(1, samples + 1, [&](int64_t r) { return 1 - binomial_cdf(r - 1, samples, q) <= tail; });
  return {std::max<int64_t>(low, 1), std::min(high, samples), low >= 1 && high <= samples};
}

Interval wilson_interval(double successes, int64_t trials, double level) {
  if (trials < 1) return {0, 1};
  const double z = normal_quantile(0.5 + level / 2);
  const double n = static_cast<double>(trials);
  const double p = successes / n;
  const double centre = p + z * z / (2 * n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  const double scale = 1 + z * z / n;
  return {std::max(0.0, (centre - half) / scale), std::min(1.0, (centre + half) / scale)};
}

Interval normal_interval(std::span<const double> samples, double level) {
  const double centre = mean(samples);
  if (samples.size() < 2) return {centre, centre};
  const double half = normal_quantile(0.5 + level / 2) * standard_deviation(samples) /
                      std::sqrt(static_cast<double>(samples.size()));
  return {centre - half, centre + half};
}

Interval paired_interval(std::span<const double> a, std::span<const double> b, double level) {
  return normal_interval(differences(a, b), level);
}

Interval paired_bootstrap(std::span<const double> a, std::span<const double> b, double level,
                          uint64_t seed, int resamples) {
  const std::vector<double> pairs = differences(a, b);
  if (pairs.empty() || resamples < 1) return {};
  Random random(seed);
  std::vector<double> means(static_cast<size_t>(resamples));
  for (double& resampled : means) {
    double sum = 0;
    for (size_t i = 0; i < pairs.size(); ++i) sum += pairs[random.below(pairs.size())];
    resampled = sum / static_cast<double>(pairs.size());
  }
  std::sort(means.begin(), means.end());
  return {quantile_of_sorted(means, (1 - level) / 2), quantile_of_sorted(means, (1 + level) / 2)};
}

int64_t fixed_query_count(double percentile, double confidence) {
  constexpr double granule = 8192;
  const double margin = (1 - percentile) / 20;
  const double z = normal_quantile(0.5 + confidence / 2);
  const double needed = z * z * percentile * (1 - percentile) / (margin * margin);
  return static_cast<int64_t>(std::ceil(needed / granule) * granule);
}

int64_t early_stopping_queries(int64_t over, double percentile, double confidence) {
  const auto enough = [&](int64_t within) {
    return incomplete_beta(percentile, static_cast<double>(within),
                           static_cast<double>(over + 1)) <= 1 - confidence;
  };
  int64_t high = 64;
  while (!enough(high)) high *= 2;
  return over + least(1, high, enough);
}

BoundCheck early_stopping_check(int64_t queries, int64_t over, double percentile,
                                double confidence) {
  const int64_t needed = early_stopping_queries(over, percentile, confidence);
  return {queries >= needed, std::max<int64_t>(needed - queries, 0)};
}

std::optional<double> early_stopping_estimate(std::span<const double> sorted, double percentile,
                                              double confidence) {
  const auto samples = static_cast<int64_t>(sorted.size());
  if (early_stopping_missing(samples, percentile, confidence) > 0) return std::nullopt;
  const int64_t too_many = least(1, samples, [&](int64_t t) {
    return early_stopping_queries(t, percentile, confidence) > samples;
  });
  return sorted[static_cast<size_t>(samples - (too_many - 1))];
}

int64_t early_stopping_missing(int64_t samples, double percentile, double confidence) {
  return std::max<int64_t>(early_stopping_queries(1, percentile, confidence) - samples, 0);
}

}  // namespace betimes

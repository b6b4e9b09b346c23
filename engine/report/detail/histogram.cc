#include "betimes/report/detail/histogram.h"

#include <algorithm>
#include <cmath>

namespace betimes::report::detail {
namespace {

std::vector<double> usable(const std::vector<double>& samples) {
  std::vector<double> kept;
  std::copy_if(samples.begin(), samples.end(), std::back_inserter(kept),
               [](double value) { return std::isfinite(value) && value > 0; });
  std::sort(kept.begin(), kept.end());
  return kept;
}

double upper_end(const std::vector<double>& sorted) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<size_t>(std::ceil(0.995 * static_cast<double>(sorted.size() - 1)));
  return sorted[rank];
}

/// Shares per bin of sorted samples; what lies above the last edge goes to `beyond`.
std::vector<double> fill(const std::vector<double>& sorted, const std::vector<double>& edges,
                         double& beyond) {
  std::vector<double> shares(edges.size() - 1, 0.0);
  if (sorted.empty()) return shares;
  const double one = 1.0 / static_cast<double>(sorted.size());
  size_t bin = 0;
  for (const double value : sorted) {
    while (bin < shares.size() && value >= edges[bin + 1]) ++bin;
    (bin < shares.size() ? shares[bin] : beyond) += one;
  }
  return shares;
}

}  // namespace

Histogram histogram(const std::vector<double>& original_ms, const std::vector<double>& fitted_ms) {
  const std::vector<double> original = usable(original_ms);
  const std::vector<double> fitted = usable(fitted_ms);
  if (original.empty() && fitted.empty()) return {};
  const double most = std::max(upper_end(original), upper_end(fitted));
  const double least = original.empty() ? fitted.front()
                       : fitted.empty() ? original.front()
                                        : std::min(original.front(), fitted.front());
  const double low = 0.97 * least;
  const double high = 1.05 * most;
  const auto samples = static_cast<double>(std::max(original.size(), fitted.size()));
  const int bins = static_cast<int>(std::clamp(2 * std::sqrt(samples), 12.0, 120.0));

  Histogram result;
  result.logarithmic = high > 6 * low;
  for (int i = 0; i <= bins; ++i) {
    const double t = static_cast<double>(i) / bins;
    result.edges.push_back(result.logarithmic ? low * std::pow(high / low, t)
                                              : low + t * (high - low));
  }
  result.original = fill(original, result.edges, result.original_beyond);
  result.fitted = fill(fitted, result.edges, result.fitted_beyond);
  return result;
}

}  // namespace betimes::report::detail

#include "systems/hardware/wa-hls4ml/measures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"

namespace betimes::systems::wa_hls4ml {
namespace {

double quantile(std::vector<double> values, double q) {
  std::ranges::sort(values);
  return quantile_of_sorted(values, q);
}

}  // namespace

Score score(std::span<const double> predicted, std::span<const double> truth) {
  if (predicted.size() != truth.size() || truth.empty()) {
    throw Error("score", fmt::format("of {} predictions", predicted.size()),
                fmt::format("one for each of {} true values", truth.size()));
  }
  Score found;
  found.samples = truth.size();
  const double count = static_cast<double>(truth.size()), centre = mean(truth);
  double squares = 0, spread = 0;
  std::vector<double> smape, relative, size;
  for (size_t i = 0; i < truth.size(); ++i) {
    const double p = predicted[i], t = truth[i], error = std::abs(p - t);
    squares += error * error;
    spread += (t - centre) * (t - centre);
    found.mae += error / count;
    smape.push_back(200 * error / (std::abs(p) + std::abs(t) + 1e-8));
    if (t <= 0) continue;
    relative.push_back(100 * (p - t) / t);
    size.push_back(std::abs(relative.back()));
  }
  found.rmse = std::sqrt(squares / count);
  found.r2 = squares == 0  ? 1
             : spread == 0 ? -std::numeric_limits<double>::infinity()
                           : 1 - squares / spread;
  found.smape = mean(smape);
  found.median_smape = median(smape);
  if (!relative.empty()) {
    found.q25 = quantile(relative, 0.25);
    found.q50 = quantile(relative, 0.5);
    found.q75 = quantile(relative, 0.75);
    found.absolute_q75 = quantile(size, 0.75);
  }
  return found;
}

Scores score_all(std::span<const Costs> predicted, std::span<const Costs> truth) {
  Scores found;
  for (size_t i = 0; i < targets; ++i) {
    std::vector<double> p, t;
    for (const Costs& costs : predicted) p.push_back(costs[i]);
    for (const Costs& costs : truth) t.push_back(costs[i]);
    found[i] = score(p, t);
  }
  return found;
}

}  // namespace betimes::systems::wa_hls4ml

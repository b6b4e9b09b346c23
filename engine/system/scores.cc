#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "betimes/system/study.h"

namespace betimes::system {
namespace {

constexpr double level = 0.95;

/// Student's t would be wider than the normal interval for few seeds: the quantile by the
/// incomplete beta function, by bisection (it is asked for a handful of times).
double t_quantile(double p, double freedom) {
  double low = 0, high = 1e3;
  for (int i = 0; i < 100; ++i) {
    const double t = (low + high) / 2;
    const double x = freedom / (freedom + t * t);
    const double below = 1 - incomplete_beta(x, freedom / 2, 0.5) / 2;
    (below < p ? low : high) = t;
  }
  return high;
}

Estimate estimate(const std::vector<double>& values) {
  Estimate found;
  found.value = mean(values);
  found.samples = static_cast<int64_t>(values.size());
  if (values.size() < 2) return found;
  const double n = static_cast<double>(values.size());
  const double half =
      t_quantile(0.5 + level / 2, n - 1) * standard_deviation(values) / std::sqrt(n);
  found.interval = Interval{found.value - half, found.value + half};
  return found;
}

void remember(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

}  // namespace

void Scores::add(const std::string& metric, const std::string& variant, double value) {
  remember(metrics_, metric);
  remember(variants_, variant);
  values_[{metric, variant}].push_back(value);
}

const std::vector<double>& Scores::of(const std::string& metric, const std::string& variant) const {
  const auto at = values_.find({metric, variant});
  if (at == values_.end()) {
    throw std::logic_error(fmt::format("no values of {} for {}", metric, variant));
  }
  return at->second;
}

Estimate Scores::mean(const std::string& metric, const std::string& variant) const {
  return estimate(of(metric, variant));
}

Estimate Scores::difference(const std::string& metric, const std::string& variant,
                            const std::string& baseline) const {
  std::vector<double> differences = of(metric, variant);
  const std::vector<double>& base = of(metric, baseline);
  if (base.size() != differences.size()) throw std::logic_error("scores aren't paired");
  for (size_t i = 0; i < base.size(); ++i) differences[i] -= base[i];
  return estimate(differences);
}

Estimate Scores::ratio(const std::string& metric, const std::string& variant,
                       const std::string& baseline) const {
  std::vector<double> logs = of(metric, variant);
  const std::vector<double>& base = of(metric, baseline);
  if (base.size() != logs.size()) throw std::logic_error("scores aren't paired");
  for (size_t i = 0; i < base.size(); ++i) {
    if (logs[i] <= 0 || base[i] <= 0) throw std::logic_error("a ratio of what isn't positive");
    logs[i] = std::log(logs[i] / base[i]);
  }
  Estimate found = estimate(logs);
  found.value = std::exp(found.value);
  if (found.interval) {
    found.interval = Interval{std::exp(found.interval->low), std::exp(found.interval->high)};
  }
  return found;
}

Table Scores::table(const std::string& title) const {
  Table table{title, {"variant"}, {}};
  table.columns.insert(table.columns.end(), metrics_.begin(), metrics_.end());
  for (const std::string& variant : variants_) {
    std::vector<Cell> row = {variant};
    for (const std::string& metric : metrics_) {
      if (!values_.contains({metric, variant})) {
        row.emplace_back(std::string());
        continue;
      }
      const Estimate found = mean(metric, variant);
      if (!found.interval) {
        row.emplace_back(found.value);
      } else {
        row.emplace_back(fmt::format("{:.4g} +- {:.2g}", found.value,
                                     (found.interval->high - found.interval->low) / 2));
      }
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace betimes::system

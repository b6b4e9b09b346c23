#include "systems/hardware/mlir-cost-model/scores.h"

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/ranks.h"
#include "betimes/base/statistics.h"

namespace betimes::systems::mlir_cost_model {

const std::array<Target, target_count>& targets() {
  static const std::array<Target, target_count> all = {{
      {"vector registers", &Labels::vector_registers, false},
      {"utilisation", &Labels::utilisation, false},
      {"micro-ops", &Labels::uops, true},
      {"run cycles", &Labels::run_cycles, true},
  }};
  return all;
}

Values scaled(const Labels& labels) {
  Values found{};
  for (size_t i = 0; i < target_count; ++i) {
    const double value = labels.*targets()[i].label;
    found[i] = targets()[i].count ? std::log1p(value) : value;
  }
  return found;
}

Errors errors_of(const std::vector<double>& predicted, const std::vector<double>& truth) {
  if (predicted.size() != truth.size() || truth.empty()) {
    throw Error("scores", "need as many predictions as true values, one at least");
  }
  Errors found;
  const auto count = static_cast<double>(truth.size());
  for (size_t i = 0; i < truth.size(); ++i) {
    const double error = predicted[i] - truth[i];
    found.rmse += error * error / count;
    found.mae += std::abs(error) / count;
    found.exact += (std::round(predicted[i]) == std::round(truth[i])) / count;
  }
  found.rmse = std::sqrt(found.rmse);
  const auto [low, high] = std::minmax_element(truth.begin(), truth.end());
  const double middle = mean(truth);
  if (*high > *low) found.percent_of_range = 100 * found.rmse / (*high - *low);
  if (middle != 0) found.percent_of_mean = 100 * found.rmse / std::abs(middle);
  return found;
}

Choices score_choices(const std::vector<std::vector<double>>& predicted,
                      const std::vector<std::vector<double>>& costs) {
  if (predicted.size() != costs.size() || costs.empty()) {
    throw Error("choices", "need as many predictions as costs, one graph at least");
  }
  Choices found;
  std::vector<double> ranks, logs, regrets;
  for (size_t i = 0; i < costs.size(); ++i) {
    if (predicted[i].size() != costs[i].size() || costs[i].empty()) {
      throw Error("choices", "need a prediction for each variant");
    }
    const auto [low, high] = std::minmax_element(costs[i].begin(), costs[i].end());
    if (costs[i].size() > 2 && *high > *low) {
      ranks.push_back(spearman(predicted[i], costs[i]));
    }
    const auto chosen = std::min_element(predicted[i].begin(), predicted[i].end());
    const double ratio = costs[i][static_cast<size_t>(chosen - predicted[i].begin())] / *low;
    logs.push_back(std::log(ratio));
    regrets.push_back(ratio - 1);
    found.best += ratio <= 1 ? 1 : 0;
  }
  found.graphs = static_cast<int64_t>(costs.size());
  found.best /= static_cast<double>(costs.size());
  found.spearman = mean(ranks);
  found.regret = std::exp(mean(logs)) - 1;
  found.mean_regret = mean(regrets);
  return found;
}

}  // namespace betimes::systems::mlir_cost_model

#pragma once

#include <array>
#include <string>
#include <vector>

#include "systems/hardware/mlir-cost-model/dataset.h"

namespace betimes::systems::mlir_cost_model {

/// What is predicted. Counts are predicted and scored as log(1 + count), the others as they are.
struct Target {
  const char* name;
  double Labels::*label;
  bool count = false;
};
/// Vector registers, utilisation, micro-ops, run cycles.
constexpr size_t target_count = 4;
const std::array<Target, target_count>& targets();
constexpr size_t registers_target = 0, utilisation_target = 1, uops_target = 2, cycles_target = 3;

/// One number a target, on its scale.
using Values = std::array<double, target_count>;
Values scaled(const Labels& labels);

/// Errors of one target, on its scale.
struct Errors {
  double rmse = 0, mae = 0;
  double percent_of_range = 0, percent_of_mean = 0;  // the rmse
  double exact = 0;                                  // share that is right after rounding
};
/// Throws Error for other lengths or no values.
Errors errors_of(const std::vector<double>& predicted, const std::vector<double>& truth);

/// How predicted costs of a graph's variants serve a choice.
struct Choices {
  double spearman = 0;  // mean over graphs with three variants or more of different costs
  /// Cost of the variant with the least prediction over the best variant's, less 1: geometric mean
  /// over graphs, and mean.
  double regret = 0, mean_regret = 0;
  double best = 0;  // share of graphs where the best variant, or one as good, is chosen
  int64_t graphs = 0;
};
/// Costs by graph and variant: `predicted` in any increasing scale, `costs` as they are, positive.
/// Throws Error for other lengths or no graphs.
Choices score_choices(const std::vector<std::vector<double>>& predicted,
                      const std::vector<std::vector<double>>& costs);

}  // namespace betimes::systems::mlir_cost_model

#include "systems/hardware/mlir-cost-model/baselines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/cost/boosted_trees.h"
#include "systems/hardware/mlir-cost-model/counts.h"
#include "systems/hardware/mlir-cost-model/split.h"

namespace betimes::systems::mlir_cost_model {
namespace {

/// `width` random features; values by `of`.
template <class Of>
Examples examples(size_t rows, size_t width, const Of& of) {
  Random random(9);
  Examples found;
  found.width = width;
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < width; ++j) {
      found.features.push_back(static_cast<float>(std::floor(random.uniform(0, 12))));
    }
    found.values.push_back(of(found.row(found.values.size())));
  }
  return found;
}

TEST(MlirLinear, FindsTheLineThatMadeTheValues) {
  const auto line = [](std::span<const float> x) {
    return 3 + 2 * double{x[0]} - 0.5 * double{x[1]};
  };
  Examples made;
  Random random(2);
  made.width = 3;
  for (int i = 0; i < 200; ++i) {
    const float row[] = {static_cast<float>(random.normal()), static_cast<float>(random.normal()),
                         7.0f};
    made.features.insert(made.features.end(), row, row + 3);
    made.values.push_back(line(row));
  }
  const Linear found(made, 1e-9);
  const float asked[] = {5, -4, 7};
  EXPECT_NEAR(found.predict(asked), line(asked), 1e-4);
  EXPECT_THROW(found.predict(std::span(asked).first(2)), Error);
  EXPECT_THROW(Linear{Examples()}, Error);
  made.features.pop_back();
  EXPECT_THROW(Linear{made}, Error);
}

TEST(MlirTrees, LearnWhatNoLineCan) {
  const auto curve = [](std::span<const float> x) {
    return x[0] > 5 ? double{x[1]} : 10 - double{x[2]};
  };
  const Examples made = examples(800, 3, curve);
  const auto found = cost::BoostedTrees::parse(boost(made, 1).json(), "trees");
  const Linear line(made);
  double trees_error = 0, line_error = 0;
  for (size_t i = 0; i < made.rows(); ++i) {
    trees_error += std::abs(double{found.predict(made.row(i))} - made.values[i]);
    line_error += std::abs(line.predict(made.row(i)) - made.values[i]);
  }
  EXPECT_LT(trees_error, 0.1 * line_error);
  EXPECT_EQ(boost(made, 2).json(), boost(made, 2).json());
}

TEST(MlirBaselines, LearnFromTheirGraphs) {
  const DataSet data = stand_in_data(120, 8);
  const Split split = split_graphs(data, 1);
  std::map<std::string, double> errors;
  for (const std::string& name : baseline_names()) {
    const CountModel model = learn_baseline(name, data, split.training, 1);
    std::vector<double> predicted, truth;
    for (const size_t i : split.test) {
      for (const Variant& variant : data.graphs[i].variants) {
        predicted.push_back(model(data.graphs[i].function, variant.schedule)[uops_target]);
        truth.push_back(scaled(variant.labels)[uops_target]);
      }
    }
    errors[name] = errors_of(predicted, truth).rmse;
  }
  EXPECT_LT(errors["linear"], 0.5 * errors["constant"]);
  EXPECT_LT(errors["trees"], 0.5 * errors["constant"]);
  EXPECT_LT(errors["schedule"], errors["constant"]) << "unrolling makes code";
  EXPECT_THROW(learn_baseline("oracle", data, split.training, 1), Error);
}

TEST(MlirScores, AreWorkedOutByHand) {
  const Errors found = errors_of({1, 2, 6}, {1.4, 4, 6});
  EXPECT_NEAR(found.rmse, std::sqrt((0.16 + 4) / 3), 1e-12);
  EXPECT_NEAR(found.mae, 0.8, 1e-12);
  EXPECT_NEAR(found.percent_of_range, 100 * found.rmse / 4.6, 1e-9);
  EXPECT_NEAR(found.percent_of_mean, 100 * found.rmse / 3.8, 1e-9);
  EXPECT_NEAR(found.exact, 2.0 / 3, 1e-12);
  EXPECT_THROW(errors_of({1}, {1, 2}), Error);
  EXPECT_THROW(errors_of({}, {}), Error);
}

TEST(MlirScores, RegretIsTheChosenVariantsCostOverTheBest) {
  // The first graph's order is right, the second's backwards, the third's variants are alike.
  const Choices found =
      score_choices({{1, 2, 3}, {1, 2, 3}, {5, 4}}, {{10, 20, 30}, {80, 40, 20}, {7, 7}});
  EXPECT_EQ(found.graphs, 3);
  EXPECT_NEAR(found.spearman, 0, 1e-12) << "1 and -1; two variants don't count";
  EXPECT_NEAR(found.mean_regret, 1, 1e-12);
  EXPECT_NEAR(found.regret, std::cbrt(4) - 1, 1e-12);
  EXPECT_NEAR(found.best, 2.0 / 3, 1e-12);
  EXPECT_THROW(score_choices({{1}}, {{1, 2}}), Error);
  EXPECT_THROW(score_choices({}, {}), Error);
}

}  // namespace
}  // namespace betimes::systems::mlir_cost_model

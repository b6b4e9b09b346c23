#include "systems/hardware/preroutgnn/features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "betimes/base/error.h"
#include "systems/hardware/preroutgnn/model.h"
#include "systems/hardware/preroutgnn/split.h"
#include "systems/hardware/preroutgnn/stand_in.h"

namespace betimes::systems::preroutgnn {
namespace {

const CircuitSet& circuits() {
  static const CircuitSet made = stand_in_circuits(2, 4, 200);
  return made;
}

TEST(PreRouteFeatures, EncodeLevels) {
  const auto start = level_features(0);
  EXPECT_FLOAT_EQ(start[0], 0);
  for (size_t k = 0; k < 4; ++k) {
    EXPECT_FLOAT_EQ(start[1 + 2 * k], 0);
    EXPECT_FLOAT_EQ(start[2 + 2 * k], 1);
  }
  const auto later = level_features(50);
  EXPECT_FLOAT_EQ(later[0], 0.25f);
  EXPECT_NEAR(later[1], std::sin(std::numbers::pi / 4), 1e-6);
  EXPECT_NEAR(later[4], std::cos(std::numbers::pi / 2), 1e-6);
}

TEST(PreRouteFeatures, TransformsOfLabelsGoBack) {
  for (const float time : {0.0f, 1e-4f, 0.02f, 3.0f}) {
    EXPECT_NEAR(slew_of(log_slew(time)), time, 1e-5f * (1 + time));
    EXPECT_NEAR(net_delay_of(log_net_delay(time)), time, 1e-5f * (1 + time));
  }
  EXPECT_FLOAT_EQ(log_slew(0.0f), std::log(1e-4f) + 3);
  EXPECT_FLOAT_EQ(log_net_delay(1.0f), std::log(1.0001f) + 7.6f);
  EXPECT_FLOAT_EQ(sane_arrival(-2e20f), 0);
  EXPECT_FLOAT_EQ(sane_arrival(2.5f), 2.5f);
}

TEST(PreRouteFeatures, OfEdgesSayTheirKind) {
  Statistics statistics;
  statistics.distance = 2;
  statistics.delay = 0.5f;
  const EdgeFeatures net = net_edge_features({0, 1, 4, -6, {}}, statistics);
  EXPECT_EQ(net, (EdgeFeatures{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, -3}));
  Arc arc{};
  arc[3].rows = 1;
  arc[3].columns = 2;
  arc[3].values[0] = 1;
  arc[3].values[1] = 2;
  const EdgeFeatures cell = cell_edge_features(arc, statistics);
  EXPECT_EQ(cell, (EdgeFeatures{1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0}));
}

TEST(PreRouteFeatures, StatisticsStandardiseCapacitances) {
  const CircuitSet& set = circuits();
  const Statistics statistics = fit_statistics(set.training, set.arcs);
  double sum = 0, squares = 0, count = 0;
  for (const Circuit& circuit : set.training) {
    for (const NodeFeatures& each : circuit.features) {
      const double value = double{normalised(each, statistics)[9]};
      sum += value;
      squares += value * value;
      count += 1;
    }
  }
  EXPECT_NEAR(sum / count, 0, 1e-3);
  EXPECT_NEAR(squares / count, 1, 1e-3);
  EXPECT_EQ(normalised(set.training[0].features[0], statistics)[2], set.training[0].features[0][2]);
}

TEST(PreRouteFeatures, StatisticsAndOptionsSurviveAsText) {
  const CircuitSet& set = circuits();
  const Statistics statistics = fit_statistics(set.training, set.arcs);
  EXPECT_EQ(parse_statistics(format_statistics(statistics), "file"), statistics);
  auto broken = format_statistics(statistics);
  broken["scales"] = "1 2 3";
  EXPECT_THROW(parse_statistics(broken, "file"), Error);
  broken["scales"] = "1 -2 3 4 5";
  EXPECT_THROW(parse_statistics(broken, "file"), Error);
  broken.erase("scales");
  EXPECT_THROW(parse_statistics(broken, "file"), Error);
  ModelOptions options = ModelOptions::published();
  options.reading = Reading::mean;
  options.residual = Residual::nets;
  EXPECT_EQ(parse_options(format_options(options), "file"), options);
  auto wrong = format_options(options);
  wrong["hidden"] = "4x";
  EXPECT_THROW(parse_options(wrong, "file"), Error);
  wrong["hidden"] = "100000";
  EXPECT_THROW(parse_options(wrong, "file"), Error);
}

TEST(PreRouteSplit, HoldsOutASixthAndKeepsTheRest) {
  const CircuitSet set = stand_in_circuits(2, 20, 80);
  const Parts parts = hold_out(set.training, 3);
  EXPECT_EQ(parts.validation.size(), std::max<size_t>(1, set.training.size() / 6));
  EXPECT_EQ(parts.validation.size() + parts.training.size(), set.training.size());
  std::vector<std::string> all = split_names(join_names(parts.training));
  for (const std::string& each : split_names(join_names(parts.validation))) {
    EXPECT_EQ(std::ranges::count(all, each), 0);
    all.push_back(each);
  }
  EXPECT_EQ(all.size(), set.training.size());
  EXPECT_THROW(hold_out({set.training.data(), 1}, 1), Error);
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

#include "systems/hardware/preroutgnn/baselines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "betimes/base/error.h"
#include "systems/hardware/preroutgnn/testing_circuits.h"

namespace betimes::systems::preroutgnn {
namespace {

const size_t late[] = {late_rise, late_fall};

TEST(PreRouteBaselines, StraightWiresAreTheCircuits) {
  const TestCircuits circuits;
  const Circuit& circuit = circuits.set.test[0];
  const Prediction found = straight_wires(circuit);
  EXPECT_EQ(found.arrival, circuit.straight_arrival);
  EXPECT_EQ(found.slew, circuit.straight_slew);
}

TEST(PreRouteBaselines, RoutersTreesAreNearerToTheRoutesThanStraightWires) {
  const TestCircuits circuits(6, 300);
  std::vector<Prediction> trees, straight;
  for (const Circuit& each : circuits.set.test) {
    trees.push_back(tree_wires(each));
    straight.push_back(straight_wires(each));
  }
  const auto r2 = [&](const std::vector<Prediction>& found) {
    return *measure(circuits.set.test, found, late).arrival.r2();
  };
  EXPECT_GT(r2(trees), r2(straight));
  EXPECT_LT(r2(trees), 1);  // detours are drawn
}

TEST(PreRouteBaselines, LevelTimesAreTheLeastSquaresStep) {
  Circuit circuit;
  circuit.level = {0, 1, 2};
  circuit.arrival = {{0, 0, 5, 1}, {0, 0, 1, 2}, {0, 0, 3, 4}};
  const Prediction found = level_times({&circuit, 1}, circuit);
  // (1 * 1 + 2 * 3) / (1 + 4) and (1 * 2 + 2 * 4) / 5.
  EXPECT_FLOAT_EQ(found.arrival[2][late_rise], 2 * 1.4f);
  EXPECT_FLOAT_EQ(found.arrival[1][late_fall], 2);
  EXPECT_EQ(found.arrival[0][late_rise], 0);
}

TEST(PreRouteBaselines, TreesPredictDelaysAndAddThemUp) {
  const TestCircuits circuits(6, 300);
  DelayTreesOptions how;
  how.trees = 40;
  const DelayTrees trees(circuits.set.training, circuits.set.arcs, how);
  std::vector<Prediction> found;
  for (const Circuit& each : circuits.set.test) found.push_back(trees.predict(each));
  const Measures measures = measure(circuits.set.test, found, late);
  EXPECT_GT(*measures.cell_delay.r2(), 0.8);
  EXPECT_GT(*measures.arrival.r2(), 0.8);
  // Arrivals by recursion, from the delays that were predicted.
  const Circuit& circuit = circuits.set.test[0];
  const Prediction& own = found[0];
  std::vector<size_t> order(circuit.pins());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](size_t i) { return circuit.level[i]; });
  std::vector<Times> arrival(circuit.pins());
  for (const size_t pin : order) {
    arrival[pin] = circuit.straight_arrival[pin];
    if (circuit.level[pin] == 0) continue;
    for (const size_t c : late) {
      double latest = -1e30;
      for (size_t i = 0; i < circuit.nets.size(); ++i) {
        if (circuit.nets[i].sink != static_cast<int32_t>(pin)) continue;
        const auto from = static_cast<size_t>(circuit.nets[i].driver);
        latest = std::max(latest, double{arrival[from][c]} + double{own.net_delay[i][c]});
      }
      for (size_t i = 0; i < circuit.arcs.size(); ++i) {
        if (circuit.arcs[i].output != static_cast<int32_t>(pin)) continue;
        const Times& before = arrival[static_cast<size_t>(circuit.arcs[i].input)];
        const auto sense = trees.sense(static_cast<size_t>(circuit.arcs[i].arc));
        double input = double{before[sense == DelayTrees::Sense::opposite ? c ^ 1 : c]};
        if (sense == DelayTrees::Sense::either) input = double{std::max(before[c], before[c ^ 1])};
        latest = std::max(latest, input + double{own.cell_delay[i][c]});
      }
      arrival[pin][c] = static_cast<float>(latest);
    }
  }
  for (size_t i = 0; i < circuit.pins(); ++i) {
    for (const size_t c : late) EXPECT_NEAR(own.arrival[i][c], arrival[i][c], 1e-4);
  }
}

TEST(PreRouteBaselines, SensesExplainTheTrainingArrivals) {
  const TestCircuits circuits(6, 300);
  DelayTreesOptions how;
  how.trees = 2;
  const DelayTrees trees(circuits.set.training, circuits.set.arcs, how);
  double misses = 0, all = 0;
  for (const Circuit& circuit : circuits.set.training) {
    for (const CellEdge& edge : circuit.arcs) {
      const Times& before = circuit.arrival[static_cast<size_t>(edge.input)];
      const Times& after = circuit.arrival[static_cast<size_t>(edge.output)];
      const auto sense = trees.sense(static_cast<size_t>(edge.arc));
      for (const size_t c : late) {
        double input = double{before[sense == DelayTrees::Sense::opposite ? c ^ 1 : c]};
        if (sense == DelayTrees::Sense::either) input = double{std::max(before[c], before[c ^ 1])};
        misses += input + double{edge.delay[c]} > double{after[c]} + 1e-4;
        all += 1;
      }
    }
  }
  EXPECT_LT(misses / all, 5e-3);  // of XOR2, by the edge that did not decide
  // INV, INV4, NAND2 and NOR2 turn edges around, BUF2, AND2 and MAJ3 keep them, XOR2 does either.
  std::map<DelayTrees::Sense, int> found;
  for (size_t arc = 0; arc < circuits.set.arcs.size(); ++arc) ++found[trees.sense(arc)];
  const std::map<DelayTrees::Sense, int> right = {{DelayTrees::Sense::opposite, 6},
                                                  {DelayTrees::Sense::same, 6},
                                                  {DelayTrees::Sense::either, 2}};
  EXPECT_EQ(found, right);
}

TEST(PreRouteBaselines, RefuseNoDesigns) {
  const TestCircuits circuits;
  EXPECT_THROW(DelayTrees({}, circuits.set.arcs, {}), Error);
}

}  // namespace
}  // namespace betimes::systems::preroutgnn

#include "systems/hardware/preroutgnn/baselines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr size_t late_columns[] = {late_rise, late_fall};
constexpr size_t net_width = 8, arc_width = 8;
constexpr size_t capacitance = node_feature_count - 1;  // the last of the four

/// What both kinds of rows are made from, by pin.
struct Loads {
  std::vector<double> fanout, length, pins;  // of what the pin drives: sinks, um, pF
};

Loads loads_of(const Circuit& circuit) {
  const size_t pins = circuit.pins();
  Loads found{std::vector<double>(pins), std::vector<double>(pins), std::vector<double>(pins)};
  for (const NetEdge& net : circuit.nets) {
    const auto driver = static_cast<size_t>(net.driver), sink = static_cast<size_t>(net.sink);
    found.fanout[driver] += 1;
    found.length[driver] += std::abs(double{net.dx}) + std::abs(double{net.dy});
    found.pins[driver] += double{circuit.features[sink][capacitance]};
  }
  return found;
}

std::array<double, net_width> net_row(const Circuit& circuit, const Loads& loads,
                                      const NetEdge& net, size_t column) {
  const auto driver = static_cast<size_t>(net.driver), sink = static_cast<size_t>(net.sink);
  return {std::abs(double{net.dx}) + std::abs(double{net.dy}),
          loads.fanout[driver],
          loads.length[driver],
          loads.pins[driver],
          double{circuit.features[sink][capacitance]},
          double{circuit.straight_arrival[sink][column]} -
              double{circuit.straight_arrival[driver][column]},
          double{circuit.straight_slew[driver][column]},
          std::min(double{circuit.features[sink][2]}, double{circuit.features[sink][4]})};
}

double mean_of(const DelayTable& table) {
  double sum = 0;
  for (size_t i = 0; i < table.rows; ++i) {
    for (size_t j = 0; j < table.columns; ++j) sum += double{table.values[i * axis_length + j]};
  }
  return table.rows * table.columns > 0 ? sum / (table.rows * table.columns) : 0;
}

std::array<double, arc_width> arc_row(const Circuit& circuit, const Loads& loads,
                                      const CellEdge& edge, const Arc& arc, size_t column) {
  const auto input = static_cast<size_t>(edge.input), output = static_cast<size_t>(edge.output);
  return {mean_of(arc[column]),
          mean_of(arc[corner_count + column]),
          loads.fanout[output],
          loads.length[output],
          loads.pins[output],
          double{circuit.straight_slew[input][late_rise]},
          double{circuit.straight_slew[input][late_fall]},
          double{circuit.straight_slew[output][column]}};
}

/// `most` of all rows at random.
std::vector<size_t> some_of(size_t count, size_t most, Random& random) {
  std::vector<size_t> all(count);
  std::iota(all.begin(), all.end(), size_t{0});
  random.shuffle(std::span(all));
  all.resize(std::min(count, most));
  return all;
}

hardware::Boosting learn(const std::vector<double>& rows, const std::vector<double>& targets,
                         size_t width, const DelayTreesOptions& options) {
  hardware::BoostingOptions how;
  how.trees = options.trees;
  how.depth = options.depth;
  how.least = 5;
  how.subsample = 0.7;
  how.seed = options.seed;
  return {rows, targets, width, how};
}

double arrival_by(const Times& input, DelayTrees::Sense sense, size_t column) {
  const double same = double{input[column]}, other = double{input[column ^ 1]};
  if (sense == DelayTrees::Sense::same) return same;
  if (sense == DelayTrees::Sense::opposite) return other;
  return std::max(same, other);
}

/// Of each library arc the sense with which fewest outputs would rise or fall before they can: the
/// latest arrival is never exceeded, and is met by the input that decides.
std::vector<DelayTrees::Sense> find_senses(std::span<const Circuit> training, size_t arcs) {
  using Sense = DelayTrees::Sense;
  constexpr Sense all[] = {Sense::same, Sense::opposite, Sense::either};
  std::vector<std::array<double, 3>> misses(arcs);
  std::vector<double> delays(arcs);
  for (const Circuit& circuit : training) {
    for (const CellEdge& edge : circuit.arcs) {
      const Times& before = circuit.arrival[static_cast<size_t>(edge.input)];
      const Times& after = circuit.arrival[static_cast<size_t>(edge.output)];
      for (const size_t column : late_columns) {
        delays.at(static_cast<size_t>(edge.arc)) += double{edge.delay[column]};
        for (size_t s = 0; s < 3; ++s) {
          const double early = arrival_by(before, all[s], column) + double{edge.delay[column]} -
                               double{after[column]};
          // Times are kept in single precision: what it loses isn't a miss.
          const double lost = 1e-6 * std::abs(double{after[column]});
          misses.at(static_cast<size_t>(edge.arc))[s] += early > lost ? early : 0;
        }
      }
    }
  }
  std::vector<Sense> found;
  for (size_t arc = 0; arc < arcs; ++arc) {
    const std::array<double, 3>& each = misses[arc];
    // "Either" contradicts whenever one of the others does, so it is taken where both do about as
    // little: the delay is of the edge that decided, and another slew's differs.
    const size_t best = static_cast<size_t>(std::ranges::min_element(each) - each.begin());
    const double noise = 0.01 * delays[arc];
    found.push_back(each[2] <= each[best] + noise ? Sense::either : all[best]);
  }
  return found;
}

}  // namespace

Prediction level_times(std::span<const Circuit> training, const Circuit& circuit) {
  Prediction found;
  found.arrival.resize(circuit.pins());
  for (const size_t column : late_columns) {
    double products = 0, squares = 0;
    for (const Circuit& each : training) {
      for (size_t i = 0; i < each.pins(); ++i) {
        const auto level = static_cast<double>(each.level[i]);
        products += level * double{each.arrival[i][column]};
        squares += level * level;
      }
    }
    const double step = squares > 0 ? products / squares : 0;
    for (size_t i = 0; i < circuit.pins(); ++i) {
      found.arrival[i][column] = static_cast<float>(step * circuit.level[i]);
    }
  }
  return found;
}

Prediction tree_wires(const Circuit& circuit) {
  Prediction found;
  found.arrival = circuit.tree_arrival;
  found.slew = circuit.tree_slew;
  return found;
}

Prediction straight_wires(const Circuit& circuit) {
  Prediction found;
  found.arrival = circuit.straight_arrival;
  found.slew = circuit.straight_slew;
  return found;
}

DelayTrees::DelayTrees(std::span<const Circuit> training, std::span<const Arc> library,
                       const DelayTreesOptions& options)
    : library_(library.begin(), library.end()), senses_(find_senses(training, library.size())) {
  std::vector<std::pair<size_t, size_t>> nets, arcs;  // circuit, edge
  std::vector<Loads> loads;
  for (size_t i = 0; i < training.size(); ++i) {
    loads.push_back(loads_of(training[i]));
    for (size_t j = 0; j < training[i].nets.size(); ++j) nets.emplace_back(i, j);
    for (size_t j = 0; j < training[i].arcs.size(); ++j) arcs.emplace_back(i, j);
  }
  if (nets.empty() || arcs.empty()) throw Error("training designs", "have no net, or no cell");
  Random random(options.seed);
  const auto some_nets = some_of(nets.size(), options.most_rows, random);
  const auto some_arcs = some_of(arcs.size(), options.most_rows, random);
  for (size_t k = 0; k < 2; ++k) {
    const size_t column = late_columns[k];
    std::vector<double> rows, targets;
    for (const size_t place : some_nets) {
      const auto [i, j] = nets[place];
      const auto row = net_row(training[i], loads[i], training[i].nets[j], column);
      rows.insert(rows.end(), row.begin(), row.end());
      targets.push_back(double{training[i].nets[j].delay[column]});
    }
    nets_[k] = learn(rows, targets, net_width, options);
    rows.clear();
    targets.clear();
    for (const size_t place : some_arcs) {
      const auto [i, j] = arcs[place];
      const CellEdge& edge = training[i].arcs[j];
      const auto row =
          arc_row(training[i], loads[i], edge, library_[static_cast<size_t>(edge.arc)], column);
      rows.insert(rows.end(), row.begin(), row.end());
      targets.push_back(double{edge.delay[column]});
    }
    arcs_[k] = learn(rows, targets, arc_width, options);
  }
}

Prediction DelayTrees::predict(const Circuit& circuit) const {
  const Loads loads = loads_of(circuit);
  Prediction found;
  found.arrival.resize(circuit.pins());
  found.net_delay.resize(circuit.nets.size());
  found.cell_delay.resize(circuit.arcs.size());
  std::vector<std::vector<size_t>> from_nets(static_cast<size_t>(circuit.levels)),
      from_arcs(from_nets.size());
  const auto level = [&](int32_t pin) {
    return static_cast<size_t>(circuit.level[static_cast<size_t>(pin)]);
  };
  for (size_t i = 0; i < circuit.nets.size(); ++i) {
    const NetEdge& net = circuit.nets[i];
    from_nets[level(net.sink)].push_back(i);
    for (size_t k = 0; k < 2; ++k) {
      const auto row = net_row(circuit, loads, net, late_columns[k]);
      found.net_delay[i][late_columns[k]] = static_cast<float>(nets_[k].predict(row));
    }
  }
  for (size_t i = 0; i < circuit.arcs.size(); ++i) {
    const CellEdge& edge = circuit.arcs[i];
    from_arcs[level(edge.output)].push_back(i);
    for (size_t k = 0; k < 2; ++k) {
      const auto row = arc_row(circuit, loads, edge, library_.at(static_cast<size_t>(edge.arc)),
                               late_columns[k]);
      found.cell_delay[i][late_columns[k]] = static_cast<float>(arcs_[k].predict(row));
    }
  }
  for (size_t i = 0; i < circuit.pins(); ++i) {
    if (circuit.level[i] == 0) {
      found.arrival[i] = circuit.straight_arrival[i];
    } else {
      found.arrival[i].fill(-std::numeric_limits<float>::infinity());
    }
  }
  const auto reach = [&](int32_t pin, size_t column, double arrival) {
    float& latest = found.arrival[static_cast<size_t>(pin)][column];
    latest = std::max(latest, static_cast<float>(arrival));
  };
  for (size_t l = 1; l < from_nets.size(); ++l) {
    for (const size_t column : late_columns) {
      for (const size_t i : from_nets[l]) {
        const Times& before = found.arrival[static_cast<size_t>(circuit.nets[i].driver)];
        reach(circuit.nets[i].sink, column,
              double{before[column]} + double{found.net_delay[i][column]});
      }
      for (const size_t i : from_arcs[l]) {
        const CellEdge& edge = circuit.arcs[i];
        const Times& before = found.arrival[static_cast<size_t>(edge.input)];
        const Sense sense = senses_.at(static_cast<size_t>(edge.arc));
        reach(edge.output, column,
              arrival_by(before, sense, column) + double{found.cell_delay[i][column]});
      }
    }
  }
  return found;
}

}  // namespace betimes::systems::preroutgnn

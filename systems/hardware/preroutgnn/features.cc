#include "systems/hardware/preroutgnn/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <sstream>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr size_t first_capacitance = node_feature_count - corner_count;
constexpr double levels_a_turn = 200;

/// Root of the mean square, or 1 where that is 0.
class Size {
 public:
  void add(double value) {
    squares_ += value * value;
    ++count_;
  }
  float value(const char* what) const {
    const double found = count_ > 0 ? std::sqrt(squares_ / static_cast<double>(count_)) : 0;
    if (!std::isfinite(found))
      throw Error("training designs", fmt::format("have {} that aren't finite", what));
    return found > 0 ? static_cast<float>(found) : 1.0f;
  }

 private:
  double squares_ = 0;
  int64_t count_ = 0;
};

struct Moments {
  double sum = 0, squares = 0;
  int64_t count = 0;
  void add(double value) {
    sum += value;
    squares += value * value;
    ++count;
  }
  double mean() const { return sum / static_cast<double>(count); }
  double deviation() const {
    const double variance = squares / static_cast<double>(count) - mean() * mean();
    // What doesn't vary but by rounding is left at its size.
    return variance > 1e-12 * squares / static_cast<double>(count) ? std::sqrt(variance) : 1;
  }
};

std::string text_of(std::span<const float> values) {
  std::string text;
  for (const float value : values) text += fmt::format("{:.9g} ", value);
  return text;
}

void read(const std::map<std::string, std::string>& metadata, const char* key,
          const std::string& where, std::span<float> values) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    throw Error(where, fmt::format("doesn't say {}", key), "a model of betimes train preroutgnn");
  }
  std::istringstream words(found->second);
  std::string word;
  size_t count = 0;
  while (words >> word) {
    float value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value) ||
        count == values.size()) {
      throw Error(where, fmt::format("{} has '{}'", key, word),
                  fmt::format("{} numbers", values.size()));
    }
    values[count++] = value;
  }
  if (count != values.size()) {
    throw Error(where, fmt::format("{} has {} numbers", key, count), std::to_string(values.size()));
  }
}

}  // namespace

std::array<float, level_feature_count> level_features(int64_t level) {
  std::array<float, level_feature_count> found{};
  const double turn = static_cast<double>(level) / levels_a_turn;
  found[0] = static_cast<float>(turn);
  for (size_t k = 0; k < 4; ++k) {
    const double angle = std::numbers::pi * static_cast<double>(1 << k) * turn;
    found[1 + 2 * k] = static_cast<float>(std::sin(angle));
    found[2 + 2 * k] = static_cast<float>(std::cos(angle));
  }
  return found;
}

Statistics fit_statistics(std::span<const Circuit> training, std::span<const Arc> library) {
  std::array<Moments, corner_count> capacitances;
  Size distance, delay, key;
  Moments arrival;
  for (const Circuit& circuit : training) {
    for (const NodeFeatures& each : circuit.features) {
      for (size_t i = 0; i < corner_count; ++i) capacitances[i].add(each[first_capacitance + i]);
    }
    for (const NetEdge& each : circuit.nets) {
      distance.add(each.dx);
      distance.add(each.dy);
    }
    for (const CellEdge& each : circuit.arcs) {
      for (const float value : each.delay) delay.add(value);
    }
    for (const Times& each : circuit.arrival) {
      for (const float value : each) arrival.add(sane_arrival(value));
    }
  }
  if (arrival.count == 0) throw Error("training designs", "have no pin");
  for (const Arc& arc : library) {
    for (const DelayTable& table : arc) {
      for (size_t i = 0; i < table.rows; ++i) {
        for (size_t j = 0; j < table.columns; ++j)
          key.add(double{table.row_axis[i]} * table.column_axis[j]);
      }
    }
  }
  Statistics found;
  found.deviation.fill(1);
  for (size_t i = 0; i < corner_count; ++i) {
    found.mean[first_capacitance + i] = static_cast<float>(capacitances[i].mean());
    found.deviation[first_capacitance + i] = static_cast<float>(capacitances[i].deviation());
  }
  found.distance = distance.value("distances");
  found.delay = delay.value("cell delays");
  found.key = key.value("axes of tables");
  found.arrival_mean = static_cast<float>(arrival.mean());
  found.arrival_deviation = static_cast<float>(arrival.deviation());
  if (!std::isfinite(found.arrival_mean) || !std::isfinite(found.arrival_deviation)) {
    throw Error("training designs", "have arrivals that aren't finite");
  }
  return found;
}

std::map<std::string, std::string> format_statistics(const Statistics& statistics) {
  const std::array<float, 5> scales = {statistics.distance, statistics.delay,
                                       statistics.arrival_mean, statistics.arrival_deviation,
                                       statistics.key};
  return {{"feature_mean", text_of(statistics.mean)},
          {"feature_deviation", text_of(statistics.deviation)},
          {"scales", text_of(scales)}};
}

Statistics parse_statistics(const std::map<std::string, std::string>& metadata,
                            const std::string& where) {
  Statistics found;
  read(metadata, "feature_mean", where, found.mean);
  read(metadata, "feature_deviation", where, found.deviation);
  std::array<float, 5> scales{};
  read(metadata, "scales", where, scales);
  found.distance = scales[0];
  found.delay = scales[1];
  found.arrival_mean = scales[2];
  found.arrival_deviation = scales[3];
  found.key = scales[4];
  const bool sizes = std::ranges::all_of(found.deviation, [](float each) { return each > 0; });
  if (!sizes ||
      !(found.distance > 0 && found.delay > 0 && found.arrival_deviation > 0 && found.key > 0)) {
    throw Error(where, "has a scale that isn't above 0");
  }
  return found;
}

NodeFeatures normalised(const NodeFeatures& features, const Statistics& statistics) {
  NodeFeatures found{};
  for (size_t i = 0; i < node_feature_count; ++i) {
    found[i] = (features[i] - statistics.mean[i]) / statistics.deviation[i];
  }
  return found;
}

EdgeFeatures net_edge_features(const NetEdge& edge, const Statistics& statistics) {
  EdgeFeatures found{};
  found[1] = 1;
  found[10] = edge.dx / statistics.distance;
  found[11] = edge.dy / statistics.distance;
  return found;
}

EdgeFeatures cell_edge_features(const Arc& arc, const Statistics& statistics) {
  EdgeFeatures found{};
  found[0] = 1;
  for (size_t i = 0; i < tables_per_arc; ++i) found[2 + i] = table_mean(arc[i], statistics);
  return found;
}

float table_mean(const DelayTable& table, const Statistics& statistics) {
  double sum = 0;
  for (size_t i = 0; i < table.rows; ++i) {
    for (size_t j = 0; j < table.columns; ++j) sum += double{table.values[i * axis_length + j]};
  }
  const int entries = table.rows * table.columns;
  return entries > 0 ? static_cast<float>(sum / entries / double{statistics.delay}) : 0;
}

float log_slew(float slew) { return std::log(1e-4f + std::max(slew, 0.0f)) + 3; }
float slew_of(float logarithm) { return std::max(std::exp(logarithm - 3) - 1e-4f, 0.0f); }
float log_net_delay(float delay) { return std::log(1e-4f + std::max(delay, 0.0f)) + 7.6f; }
float net_delay_of(float logarithm) { return std::max(std::exp(logarithm - 7.6f) - 1e-4f, 0.0f); }
float sane_arrival(float arrival) { return std::abs(arrival) > 1e20f ? 0.0f : arrival; }

}  // namespace betimes::systems::preroutgnn

#include "systems/hardware/preroutgnn/measures.h"

#include <fmt/format.h>

#include <algorithm>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {
namespace {

void fits(const Circuit& circuit, const char* what, size_t given, size_t wanted) {
  if (given == 0 || given == wanted) return;
  throw Error(circuit.name, fmt::format("has {} predictions of {}", given, what),
              std::to_string(wanted));
}

/// Levels at which quarters of a design's judged endpoints end; nullopt for too few of them.
std::optional<std::array<int32_t, depth_quartiles - 1>> quartile_levels(const Circuit& circuit) {
  std::vector<int32_t> levels;
  for (const auto& each : circuit.endpoints) {
    const int32_t level = circuit.level.at(static_cast<size_t>(each.pin));
    if (level >= least_judged_level) levels.push_back(level);
  }
  if (levels.size() < least_split_endpoints) return std::nullopt;
  std::ranges::sort(levels);
  std::array<int32_t, depth_quartiles - 1> found{};
  for (size_t i = 0; i < found.size(); ++i) {
    found[i] = levels[(i + 1) * (levels.size() - 1) / depth_quartiles];
  }
  return found;
}

void add_rows(std::span<const Times> truth, std::span<const Times> predicted,
              std::span<const size_t> columns, Agreement& agreement) {
  for (size_t i = 0; i < predicted.size(); ++i) {
    for (const size_t column : columns) {
      agreement.add(double{truth[i][column]}, double{predicted[i][column]});
    }
  }
}

}  // namespace

void Agreement::add(double truth, double prediction) {
  errors_ += (truth - prediction) * (truth - prediction);
  ++count_;
  const double before = truth - mean_;
  mean_ += before / static_cast<double>(count_);
  squares_ += before * (truth - mean_);
}

void Agreement::add(const Agreement& other) {
  if (other.count_ == 0) return;
  const auto own = static_cast<double>(count_), more = static_cast<double>(other.count_);
  const double apart = other.mean_ - mean_;
  errors_ += other.errors_;
  squares_ += other.squares_ + apart * apart * own * more / (own + more);
  mean_ += apart * more / (own + more);
  count_ += other.count_;
}

void Agreement::add_within(const Agreement& other) {
  errors_ += other.errors_;
  squares_ += other.squares_;
  count_ += other.count_;
}

std::optional<double> Agreement::r2() const {
  // What is left of a constant by rounding isn't a spread.
  if (count_ == 0 || squares_ <= 1e-12 * static_cast<double>(count_) * (1e-6 + mean_ * mean_)) {
    return std::nullopt;
  }
  return 1 - errors_ / squares_;
}

double slack(const Times& arrival, const Times& required, size_t column) {
  const double apart = double{required[column]} - double{arrival[column]};
  return column >= late_rise ? apart : -apart;
}

std::optional<double> Measures::mean_slack_r2() const {
  double sum = 0;
  size_t count = 0;
  for (const std::optional<double>& each : slack_by_design) {
    if (!each) continue;
    sum += *each;
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

Measures measure(std::span<const Circuit> circuits, std::span<const Prediction> predictions,
                 std::span<const size_t> columns) {
  if (predictions.size() != circuits.size()) {
    throw Error("measures", fmt::format("have predictions of {} designs", predictions.size()),
                std::to_string(circuits.size()));
  }
  Measures found;
  for (size_t d = 0; d < circuits.size(); ++d) {
    const Circuit& circuit = circuits[d];
    const Prediction& own = predictions[d];
    if (own.arrival.empty()) throw Error(circuit.name, "has no predicted arrivals");
    fits(circuit, "arrivals", own.arrival.size(), circuit.pins());
    fits(circuit, "slews", own.slew.size(), circuit.pins());
    fits(circuit, "net delays", own.net_delay.size(), circuit.nets.size());
    fits(circuit, "cell delays", own.cell_delay.size(), circuit.arcs.size());
    add_rows(circuit.arrival, own.arrival, columns, found.arrival);
    add_rows(circuit.slew, own.slew, columns, found.slew);
    for (size_t i = 0; i < own.net_delay.size(); ++i) {
      add_rows({&circuit.nets[i].delay, 1}, {&own.net_delay[i], 1}, columns, found.net_delay);
    }
    for (size_t i = 0; i < own.cell_delay.size(); ++i) {
      add_rows({&circuit.arcs[i].delay, 1}, {&own.cell_delay[i], 1}, columns, found.cell_delay);
    }
    const auto quartiles = quartile_levels(circuit);
    Agreement slacks;
    std::array<Agreement, depth_quartiles> by_depth;
    for (const auto& endpoint : circuit.endpoints) {
      const auto pin = static_cast<size_t>(endpoint.pin);
      if (circuit.level[pin] < least_judged_level) continue;
      Agreement* const quarter =
          quartiles
              ? &by_depth[static_cast<size_t>(
                    std::ranges::lower_bound(*quartiles, circuit.level[pin]) - quartiles->begin())]
              : nullptr;
      for (const size_t column : columns) {
        const double truth = slack(circuit.arrival[pin], endpoint.required, column);
        const double predicted = slack(own.arrival[pin], endpoint.required, column);
        slacks.add(truth, predicted);
        if (quarter != nullptr) quarter->add(truth, predicted);
      }
    }
    for (size_t q = 0; q < depth_quartiles; ++q) found.slack_by_depth[q].add_within(by_depth[q]);
    found.slack.add(slacks);
    found.designs.push_back(circuit.name);
    found.slack_by_design.push_back(slacks.r2());
    if (!found.slack_by_design.back()) found.skipped.push_back(circuit.name);
  }
  return found;
}

}  // namespace betimes::systems::preroutgnn

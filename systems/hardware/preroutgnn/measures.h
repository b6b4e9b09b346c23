#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "systems/hardware/preroutgnn/circuit.h"

namespace betimes::systems::preroutgnn {

/// Sums from which R2 = 1 - sum (truth - prediction)^2 / sum (truth - mean)^2 comes, over as many
/// numbers as are added.
class Agreement {
 public:
  void add(double truth, double prediction);
  void add(const Agreement& other);
  /// As add(), but the other's truth varies about its own mean: differences between the two means
  /// don't count as something that is explained.
  void add_within(const Agreement& other);
  /// Nullopt where the truth is constant, or there is none: R2 isn't defined.
  std::optional<double> r2() const;
  int64_t count() const { return count_; }

 private:
  double errors_ = 0, mean_ = 0, squares_ = 0;  // squares about the mean (Welford)
  int64_t count_ = 0;
};

/// What a method predicts of a circuit: late rise and fall are judged, and early ones where the
/// method has them. Vectors that it lacks are empty.
struct Prediction {
  std::vector<Times> arrival, slew;  // [pins], ns
  std::vector<Times> net_delay;      // [nets], ns
  std::vector<Times> cell_delay;     // [arcs], ns
};

/// Slack of an endpoint: required - arrival when late, arrival - required when early.
double slack(const Times& arrival, const Times& required, size_t column);

constexpr size_t depth_quartiles = 4;
/// Endpoints that are one wire behind a start aren't judged: there is next to nothing to predict,
/// and they would make most of what varies.
constexpr int32_t least_judged_level = 2;
/// A design of fewer endpoints isn't split by depth: a handful of them has no spread to explain.
constexpr size_t least_split_endpoints = 20;
/// Agreement on designs, over `columns` of Times.
struct Measures {
  std::vector<std::string> designs;
  std::vector<std::optional<double>> slack_by_design;
  std::vector<std::string> skipped;  // designs whose slack doesn't vary
  Agreement slack, arrival, slew, net_delay, cell_delay;
  // Each design's quarters of its own endpoints, shallow to deep, about their own means. Endpoints
  // of one level stay together, so quarters differ in size.
  std::array<Agreement, depth_quartiles> slack_by_depth;

  /// Mean over the designs whose slack varies; nullopt for none.
  std::optional<double> mean_slack_r2() const;
  int64_t endpoints() const { return slack.count(); }
};
/// Throws Error when the numbers of pins, nets or arcs don't fit, or a design has no prediction.
Measures measure(std::span<const Circuit> circuits, std::span<const Prediction> predictions,
                 std::span<const size_t> columns);

}  // namespace betimes::systems::preroutgnn

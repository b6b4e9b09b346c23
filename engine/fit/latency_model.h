#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "betimes/fit/variant.h"
#include "betimes/measure/profile.h"

namespace betimes::fit {

/// Predicts a variant's median latency as the sum of its plan's steps. A step that computes a node
/// costs what that node was seen to cost at that precision, reading and writing as much where that
/// was seen (an int8 node that writes fp32 costs more than one that writes int8); conversions
/// between precisions, which are new in every variant, cost a line in their bytes fitted to all
/// conversions seen.
class LatencyModel {
 public:
  /// Learns from one profiled variant; the more different variants, the better.
  void observe(const runtime::Plan& plan, const measure::Profile& profile);

  /// Median milliseconds of one run.
  double predict(const runtime::Plan& plan) const;

  /// Cost of one node at one precision, as far as seen; of conversions of that many bytes.
  double node_ms(const std::string& node, Precision precision) const;
  double conversion_ms(double bytes) const;

 private:
  struct Line {
    double constant = 0;
    double slope = 0;
  };
  /// One time that a step was seen to take.
  struct Seen {
    double bytes = 0;
    double ms = 0;
  };
  Line conversion_line() const;
  /// Median of those that moved so many bytes; of all where none did.
  static double typical_ms(const std::vector<Seen>& seen, double bytes);

  std::map<std::pair<std::string, std::string>, std::vector<Seen>> steps_;  // (name, precision)
  std::vector<std::pair<double, double>> conversions_;                      // (bytes, ms)
  std::vector<double> overheads_;                                           // ms a step
};

}  // namespace betimes::fit

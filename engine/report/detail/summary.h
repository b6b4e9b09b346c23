#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "betimes/fit/result.h"

namespace betimes::report::detail {

/// The value of "p50", "p90", "p99" or "mean"; NaN for any other name.
double statistic(const measure::Latency& latency, const std::string& name);

/// The bound that the latency comes nearest to, or exceeds most; nullopt when there is none.
std::optional<fit::Bound> binding_bound(const fit::Budget& budget, const measure::Latency& latency);

/// original / fitted at the median: above 1 is faster. NaN when nothing was measured.
double speedup(const fit::Result& result);

/// How far the chosen variant is from the two ends of what was tried. Medians are compared within
/// the search that measured all variants alike: the fitted variant's own latency was measured
/// later, beside the original. NaN where nothing is known.
struct Distance {
  double slower_than_fastest;  // ratio of medians, >= 1
  double quality_lost;         // of the best tried - of the fitted
};
Distance distance(const fit::Result& result);

/// Quality for people: "93.52 %", and for a similarity "0.9993".
std::string format_quality(const std::string& metric, double quality);
/// A difference of qualities: "-0.09 points", and for a similarity "-0.0007".
std::string format_quality_change(const std::string& metric, double change);

/// "2.3x faster, 0.09 points lost, p99 0.610 ms within the 0.8 ms budget".
std::string headline(const fit::Result& result);

/// One line of fit::Result::changes taken apart; `from` and `to` are empty where it has another
/// form.
struct Change {
  std::string what;
  std::string from;
  std::string to;
};
std::vector<Change> parse_changes(const std::vector<std::string>& changes);

/// Equal changes counted, the most frequent first: "37 nodes: fp32 -> int8". A group of one keeps
/// its name: "threads: 1 -> 2".
struct ChangeGroup {
  std::string title;
  std::vector<std::string> names;
};
std::vector<ChangeGroup> group_changes(const fit::Result& result);

/// One row of "where the time goes": steps of both variants with the same name.
struct Layer {
  std::string name;
  std::string op;
  std::string precision_before;  // empty where only the fitted variant has the step
  std::string precision_after;   // empty where only the original has it
  double before_ms = 0;
  double after_ms = 0;
};
/// The largest first.
std::vector<Layer> layers(const fit::Result& result);

/// Where the binding bound lies on an axis of medians: a bound on another statistic is scaled by
/// the fitted variant's own ratio of median to that statistic.
struct BudgetLine {
  std::string statistic;
  double bound_ms = 0;
  double p50_ms = 0;
};
std::optional<BudgetLine> budget_line(const fit::Result& result);

}  // namespace betimes::report::detail

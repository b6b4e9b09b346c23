#pragma once

#include <optional>
#include <vector>

#include "betimes/fit/ledger.h"
#include "betimes/fit/objective.h"

namespace betimes::fit {

/// The entries that no other beats in both quality and latency_ms, among all those it was given.
class Frontier {
 public:
  Frontier() = default;
  explicit Frontier(const Ledger& ledger);

  /// Failed entries are left out; of entries that are equal in both, the first stays.
  void add(const Entry& entry);

  bool empty() const { return front_.empty(); }
  /// Fastest first: latency and quality rise strictly.
  std::vector<Entry> points() const;
  /// Whether this setting is one of them.
  bool has(const Setting& setting) const;

  /// The point farthest above the line from the fastest to the best one, both axes scaled to [0, 1]
  /// (Kneedle; Satopaa et al., 2011). Qualities are scaled by a hundredth at least: below that, a
  /// faster point is taken as good as equal. Throws Error when there is none.
  const Entry& knee() const;
  /// Of everything added, what keeps the budget with the best quality, the faster one of equals;
  /// nullptr: nothing does. It needn't be a point: another statistic than latency_ms may be
  /// bounded.
  const Entry* best(const Budget& budget) const;
  /// Of everything added, what comes nearest to the budget; nullptr when nothing was added.
  const Entry* nearest(const Budget& budget) const;

  /// Area between the points and a reference that is worse than them: the measure of all (quality,
  /// latency) that some point beats and that beat the reference (Zitzler and Thiele, 1998). Exact.
  /// Quality times milliseconds.
  double hypervolume(double least_quality, double most_ms) const;

 private:
  const Outcome& at(size_t point) const { return *all_[front_[point]].found; }

  std::vector<Entry> all_;
  std::vector<size_t> front_;  // into all_, fastest first
};

/// How much quality the best that `found` has under the budget lacks of the best that `all`, the
/// whole space, has. nullopt when nothing in `all` keeps the budget, infinity when nothing in
/// `found` does.
std::optional<double> regret(const Frontier& found, const Frontier& all, const Budget& budget);

}  // namespace betimes::fit

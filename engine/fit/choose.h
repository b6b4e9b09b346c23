#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "betimes/fit/budget.h"

namespace betimes::fit {

/// What the choice between variants looks at, all of it measured.
struct Candidate {
  measure::Latency latency;
  double output_error = 0;  // against the original's outputs; 0 for the original itself
  double quality = 0;       // on validation data
  size_t memory_bytes = 0;
  bool rejected = false;  // a longer measurement has shown that it doesn't keep the budget
};

/// Index of the best candidate that keeps the budget, quality floor and memory bound included: the
/// one whose outputs are nearest to the original's, the faster one of equals. Output error rather
/// than the metric decides, because differences of a metric between close variants are mostly
/// sampling noise, and picking the luckiest would flatter it. nullopt when none keeps the budget.
std::optional<size_t> best_under(const std::vector<Candidate>& candidates, const Budget& budget);

/// The candidate that comes nearest to the budget: least worst ratio of a quantity to its bound.
size_t nearest(const std::vector<Candidate>& candidates, const Budget& budget);

/// Indices of the candidates that no other beats in both median latency and output error, fastest
/// first.
std::vector<size_t> pareto(const std::vector<Candidate>& candidates);

/// The knee of the frontier: the candidate farthest below the line from the fastest to the most
/// faithful one, both axes scaled to [0, 1] (Kneedle; Satopaa et al., 2011). Errors are scaled by a
/// hundredth at least: below that, a faster variant is taken as good as equal.
size_t knee(const std::vector<Candidate>& candidates);

}  // namespace betimes::fit

#include "betimes/fit/choose.h"

#include <algorithm>
#include <limits>

namespace betimes::fit {
namespace {

/// Outputs that differ by less than this (1 - cosine similarity) are no bend worth slowing down
/// for: it scales the knee's axis where the whole frontier is flatter.
constexpr double noticeable_error = 0.01;

double time_of(const Candidate& candidate) { return candidate.latency.p50.value; }

/// The largest ratio of a quantity to its bound, quality (where more is better) turned round.
double worst_ratio(const Candidate& candidate, const Budget& budget) {
  double worst = pressure(budget, candidate.latency);
  if (budget.memory) {
    worst = std::max(
        worst, static_cast<double>(candidate.memory_bytes) / static_cast<double>(*budget.memory));
  }
  if (budget.quality_floor && *budget.quality_floor > 0) {
    worst = std::max(worst, *budget.quality_floor / std::max(candidate.quality, 1e-9));
  }
  return worst;
}

}  // namespace

std::optional<size_t> best_under(const std::vector<Candidate>& candidates, const Budget& budget) {
  std::optional<size_t> best;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    if (candidate.rejected || worst_ratio(candidate, budget) > 1.0) continue;
    if (best) {
      const Candidate& leader = candidates[*best];
      if (candidate.output_error > leader.output_error) continue;
      if (candidate.output_error == leader.output_error && time_of(candidate) >= time_of(leader)) {
        continue;
      }
    }
    best = i;
  }
  return best;
}

size_t nearest(const std::vector<Candidate>& candidates, const Budget& budget) {
  const auto by_ratio = [&](const Candidate& a, const Candidate& b) {
    return worst_ratio(a, budget) < worst_ratio(b, budget);
  };
  const auto found = std::min_element(candidates.begin(), candidates.end(), by_ratio);
  return static_cast<size_t>(found - candidates.begin());
}

std::vector<size_t> pareto(const std::vector<Candidate>& candidates) {
  std::vector<size_t> order(candidates.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const double ta = time_of(candidates[a]);
    const double tb = time_of(candidates[b]);
    return ta != tb ? ta < tb : candidates[a].output_error < candidates[b].output_error;
  });
  std::vector<size_t> result;
  double least = std::numeric_limits<double>::infinity();
  for (const size_t i : order) {
    if (candidates[i].output_error >= least) continue;
    least = candidates[i].output_error;
    result.push_back(i);
  }
  return result;
}

size_t knee(const std::vector<Candidate>& candidates) {
  const std::vector<size_t> front = pareto(candidates);
  const Candidate& fastest = candidates[front.front()];
  const Candidate& best = candidates[front.back()];
  const double time_span = std::max(time_of(best) - time_of(fastest), 1e-12);
  const double error_span = std::max(fastest.output_error - best.output_error, noticeable_error);
  size_t found = front.front();
  double least = std::numeric_limits<double>::infinity();
  for (const size_t i : front) {
    const double x = (time_of(candidates[i]) - time_of(fastest)) / time_span;
    const double y = (candidates[i].output_error - best.output_error) / error_span;
    if (x + y >= least) continue;
    least = x + y;
    found = i;
  }
  return found;
}

}  // namespace betimes::fit

#include "betimes/fit/knapsack.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "betimes/base/error.h"

namespace betimes::fit {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

/// least[c]: least loss of the groups so far with grid cost at most c above the cheapest selection;
/// picks[g][c]: the choice of group g that gives it.
struct Table {
  std::vector<double> least;
  std::vector<std::vector<uint32_t>> picks;
  std::vector<std::vector<int>> steps;  // grid cost of each choice above its group's cheapest
  double cheapest = 0;
  double step = 0;
};

void measure_groups(const std::vector<std::vector<Choice>>& groups, double& cheapest,
                    double& dearest) {
  for (const auto& group : groups) {
    if (group.empty()) throw Error("knapsack", "a group has no choice");
    const auto by_cost = [](const Choice& a, const Choice& b) { return a.cost < b.cost; };
    cheapest += std::min_element(group.begin(), group.end(), by_cost)->cost;
    dearest += std::max_element(group.begin(), group.end(), by_cost)->cost;
  }
}

int grid_cost(double above, double step) {
  if (step <= 0) return 0;
  // A hair below, so that exact multiples aren't rounded up by floating-point noise.
  return static_cast<int>(std::ceil(above / step - 1e-9));
}

Table solve(const std::vector<std::vector<Choice>>& groups, int resolution) {
  Table table;
  double dearest = 0;
  measure_groups(groups, table.cheapest, dearest);
  table.step = (dearest - table.cheapest) / resolution;
  // Rounding each group up can add a step per group; room for all of them keeps the dearest
  // selection representable.
  const size_t width = static_cast<size_t>(resolution) + groups.size() + 1;
  table.least.assign(width, 0.0);
  for (const auto& group : groups) {
    double base = infinite;
    for (const Choice& choice : group) base = std::min(base, choice.cost);
    std::vector<int>& steps = table.steps.emplace_back();
    for (const Choice& choice : group) steps.push_back(grid_cost(choice.cost - base, table.step));
    std::vector<double> next(width, infinite);
    std::vector<uint32_t>& picks = table.picks.emplace_back(width, 0);
    for (size_t i = 0; i < group.size(); ++i) {
      for (size_t c = static_cast<size_t>(steps[i]); c < width; ++c) {
        const double loss = table.least[c - static_cast<size_t>(steps[i])] + group[i].loss;
        if (loss < next[c]) {
          next[c] = loss;
          picks[c] = static_cast<uint32_t>(i);
        }
      }
    }
    table.least = std::move(next);
  }
  return table;
}

std::vector<size_t> trace_back(const Table& table, size_t cost) {
  std::vector<size_t> chosen(table.picks.size());
  for (size_t g = table.picks.size(); g-- > 0;) {
    chosen[g] = table.picks[g][cost];
    cost -= static_cast<size_t>(table.steps[g][chosen[g]]);
  }
  return chosen;
}

}  // namespace

std::optional<std::vector<size_t>> choose_under_budget(
    const std::vector<std::vector<Choice>>& groups, double budget, int resolution) {
  const Table table = solve(groups, resolution);
  const double room = budget - table.cheapest;
  if (room < -1e-12 * std::max(1.0, std::fabs(budget))) return std::nullopt;
  const double last = static_cast<double>(table.least.size() - 1);
  const double steps = table.step > 0 ? std::floor(room / table.step + 1e-9) : last;
  return trace_back(table, static_cast<size_t>(std::clamp(steps, 0.0, last)));
}

std::vector<std::vector<size_t>> frontier_selections(const std::vector<std::vector<Choice>>& groups,
                                                     int resolution) {
  const Table table = solve(groups, resolution);
  std::vector<std::vector<size_t>> selections;
  double best = infinite;
  for (size_t c = 0; c < table.least.size(); ++c) {
    if (table.least[c] >= best) continue;
    best = table.least[c];
    selections.push_back(trace_back(table, c));
  }
  return selections;
}

}  // namespace betimes::fit

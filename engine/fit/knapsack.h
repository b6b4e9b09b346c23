#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace betimes::fit {

/// One way to do one part of the work. Both numbers are additive over parts; either may be
/// negative.
struct Choice {
  double cost = 0;  // milliseconds
  double loss = 0;  // quality lost
};

/// The multiple-choice knapsack: one choice from each group, least total loss with total cost at
/// most `budget`. Costs are rounded up to a grid of `resolution` steps between the cheapest and the
/// dearest selection, so the answer never exceeds the budget and its loss is the best to within
/// that rounding. Returns the index chosen in each group; nullopt when even the cheapest selection
/// costs more. Dynamic programming over the grid (Dudzinski and Walukiewicz, 1987), O(choices *
/// resolution).
std::optional<std::vector<size_t>> choose_under_budget(
    const std::vector<std::vector<Choice>>& groups, double budget, int resolution = 2000);

/// The distinct best selections for budgets from the cheapest to the dearest selection, cheapest
/// first: what the additive model believes the frontier to be.
std::vector<std::vector<size_t>> frontier_selections(const std::vector<std::vector<Choice>>& groups,
                                                     int resolution = 2000);

}  // namespace betimes::fit

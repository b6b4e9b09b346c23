#pragma once

#include <memory>
#include <string>

#include "betimes/fit/search.h"
#include "betimes/fit/searches/detail/parameters.h"

namespace betimes::fit::detail {

/// What every search is made of.
struct Ingredients {
  KnobSpace space;
  Objective objective;
  uint64_t seed = 0;
};

// One file each. They read their parameters; make_search() refuses those that nobody has read.
std::unique_ptr<Search> make_bayesian(Ingredients ingredients, Parameters& parameters);
std::unique_ptr<Search> make_bisection(Ingredients ingredients, Parameters& parameters);
std::unique_ptr<Search> make_evolution(Ingredients ingredients, Parameters& parameters);
std::unique_ptr<Search> make_exhaustive(Ingredients ingredients, Parameters& parameters);
std::unique_ptr<Search> make_knapsack(Ingredients ingredients, Parameters& parameters);
std::unique_ptr<Search> make_ppo(Ingredients ingredients, Parameters& parameters);
std::unique_ptr<Search> make_random(Ingredients ingredients, Parameters& parameters);
std::unique_ptr<Search> make_reinforce(Ingredients ingredients, Parameters& parameters);

}  // namespace betimes::fit::detail

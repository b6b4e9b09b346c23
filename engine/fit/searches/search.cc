#include "betimes/fit/search.h"

#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/fit/searches/detail/factories.h"

namespace betimes::fit {
namespace {

struct Maker {
  SearchKind kind;
  std::unique_ptr<Search> (*make)(detail::Ingredients, detail::Parameters&);
};

/// A new search is a file in this folder and an entry here.
const std::vector<Maker>& makers() {
  static const std::vector<Maker> all = {
      {{"exhaustive", "every setting in turn, for spaces small enough", ""},
       detail::make_exhaustive},
      {{"random", "settings drawn at random, the baseline of every other search", ""},
       detail::make_random},
      {{"evolution", "ageing evolution: children of the best of a few random parents",
        "population=16,tournament=4"},
       detail::make_evolution},
      {{"bisection",
        "the largest value of one ordered knob, or the most flags, that keeps the budget",
        "knob=NAME or flags=PREFIX"},
       detail::make_bisection},
      {{"knapsack", "each knob alone, then what their sums put under the budget", "levels=8"},
       detail::make_knapsack},
      {{"reinforce", "a policy per knob, learnt by REINFORCE", "batch=8,rate=2,entropy=0.01"},
       detail::make_reinforce},
      {{"ppo", "a policy per knob, learnt by proximal policy optimisation",
        "batch=8,rate=1,entropy=0.01,epochs=8,clip=0.2"},
       detail::make_ppo},
      {{"bayesian", "Gaussian processes of quality and latency, expected improvement",
        "initial=8,batch=1"},
       detail::make_bayesian},
  };
  return all;
}

}  // namespace

const std::vector<SearchKind>& search_kinds() {
  static const std::vector<SearchKind> kinds = [] {
    std::vector<SearchKind> result;
    for (const Maker& maker : makers()) result.push_back(maker.kind);
    return result;
  }();
  return kinds;
}

std::unique_ptr<Search> make_search(const std::string& name, const KnobSpace& space,
                                    const Objective& objective, uint64_t seed) {
  const size_t colon = std::min(name.find(':'), name.size());
  const std::string kind = name.substr(0, colon);
  std::string names;
  for (const Maker& maker : makers()) {
    names += (names.empty() ? "" : ", ") + maker.kind.name;
    if (maker.kind.name != kind) continue;
    detail::Parameters parameters(kind, colon < name.size() ? name.substr(colon + 1) : "");
    auto search = maker.make({space, objective, seed}, parameters);
    parameters.finish();
    return search;
  }
  throw Error("search '" + kind + "'", "is unknown", names);
}

}  // namespace betimes::fit

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "betimes/fit/knob_space.h"
#include "betimes/fit/ledger.h"
#include "betimes/fit/objective.h"

namespace betimes::fit {

/// Proposes settings to evaluate, asked again each time the ledger has grown (ask and tell).
class Search {
 public:
  virtual ~Search() = default;
  /// At most `count` settings that the space allows: none that the ledger has, none twice. Empty:
  /// there is nothing left that this search would try. What is proposed follows from the ledger,
  /// the seed and `count` alone, so a search goes on from a ledger as if it had never stopped.
  virtual std::vector<Setting> propose(const Ledger& ledger, int count) = 0;
  /// How many settings it likes to have evaluated before it is asked again. A property of the
  /// search, not of the machine: what is tried doesn't depend on how many evaluate it.
  virtual int batch() const { return 1; }
};

/// What make_search() knows.
struct SearchKind {
  std::string name;
  std::string summary;     // one line
  std::string parameters;  // "population=16,tournament=4": the defaults; empty: none
};
const std::vector<SearchKind>& search_kinds();

/// The search called `name`, which may carry parameters: "evolution", "evolution:population=50",
/// "bisection:knob=depth". Space and objective are copied. Throws Error for an unknown name
/// (listing the known ones), unknown or impossible parameters, and a space that the search can't
/// work on.
std::unique_ptr<Search> make_search(const std::string& name, const KnobSpace& space,
                                    const Objective& objective, uint64_t seed);

}  // namespace betimes::fit

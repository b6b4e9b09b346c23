#pragma once

#include <functional>
#include <limits>
#include <string>

#include "betimes/fit/frontier.h"
#include "betimes/fit/ledger.h"
#include "betimes/fit/pool.h"
#include "betimes/fit/search.h"

namespace betimes::fit {

struct OptimizeOptions {
  int64_t evaluations = 100;  // entries the ledger has at the end, those it came with included
  double seconds = std::numeric_limits<double>::infinity();  // nothing is begun after so long
  int batch = 0;  // settings proposed at a time; 0: what the search likes
  PoolOptions pool;
  std::function<void(double fraction, const std::string& what)> progress;  // may be empty
};

struct Optimized {
  Frontier frontier;      // of everything in the ledger
  int64_t evaluated = 0;  // by this call
  int64_t failed = 0;     // of them
  std::string stopped;    // why there were no more: "100 evaluations are done"
  double seconds = 0;
};

/// Asks the search, evaluates what it proposes and enters it into the ledger, until the evaluations
/// or the time are spent or the search has nothing left to propose. Entries come in the order in
/// which they were proposed, whatever order they end in: with any number of workers the ledger is
/// the same but for the seconds (and for settings that take too long only sometimes). A ledger that
/// was cut off in the middle of a round is gone on with as if it hadn't been. Throws Error when the
/// ledger or a worker can't be had, for a proposal that the space doesn't allow, and for options
/// that make no sense.
Optimized optimize(const Evaluator& evaluator, Search& search, Ledger& ledger,
                   const OptimizeOptions& options = {});
/// The same by evaluators of one's own; options.pool isn't looked at.
Optimized optimize(Pool& pool, Search& search, Ledger& ledger, const OptimizeOptions& options = {});

}  // namespace betimes::fit

#pragma once

#include <memory>

#include "betimes/fit/pool.h"

namespace betimes::fit {

/// MPI while this lives: one a process, made first in main and destroyed last. In the library
/// betimes_mpi (BETIMES_WITH_MPI), so that nothing else links MPI.
class MpiSession {
 public:
  /// Throws Error when MPI can't be begun, or has been.
  MpiSession(int& argc, char**& argv);
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  int rank() const { return rank_; }
  int ranks() const { return ranks_; }
  /// Ends every rank's process, this one's too.
  [[noreturn]] void abort(int exit_code) const;

 private:
  int rank_ = 0, ranks_ = 1;
};

/// For rank 0: its evaluations are those of the other ranks, which are in serve_evaluations() with
/// the same space. When it is destroyed they return. Alone, without other ranks, it evaluates here.
/// A rank that dies ends the whole job, as MPI has it; the ledger's file stays, and the next job
/// goes on from it. What may crash or hang belongs into a worker of its rank (PoolOptions). Throws
/// Error on another rank.
std::unique_ptr<Pool> make_mpi_pool(const MpiSession& session, Evaluator evaluator,
                                    const KnobSpace& space, const PoolOptions& options = {});

/// For every other rank: evaluates what rank 0 sends, until its pool is destroyed. Returns how many
/// settings that were. `options` are those of the pool inside this rank: 0 workers or 1.
int64_t serve_evaluations(const MpiSession& session, Evaluator evaluator, const KnobSpace& space,
                          const PoolOptions& options = {});

}  // namespace betimes::fit

#pragma once

#include <cstdint>
#include <functional>

#include "betimes/fit/pool.h"

namespace betimes::cli {

/// The processes that mpirun started together, as one of them sees them.
struct Ranks {
  int rank = 0;
  fit::PoolMaker make_pool;                                             // for rank 0
  std::function<int64_t(fit::Evaluator, const fit::KnobSpace&)> serve;  // for every other one
};

/// Does `work` as one of the ranks that mpirun started, or with nullptr where it started none. In a
/// program without MPI the same command goes on in `<program>-mpi`, which lies beside it. An
/// exception of `work` ends all ranks: the others would wait for ever. Returns what `work` does.
int among_ranks(const std::function<int(const Ranks*)>& work);

}  // namespace betimes::cli

// Compiled once a program: with BETIMES_MPI where MPI is linked.
#include "apps/betimes/ranks.h"

#include <cstdlib>

#include "apps/betimes/go_on.h"
#include "apps/betimes/problem.h"
#ifdef BETIMES_MPI
#include "betimes/fit/mpi/mpi_pool.h"
#endif

namespace betimes::cli {

#ifdef BETIMES_MPI

int among_ranks(const std::function<int(const Ranks*)>& work) {
  int argc = 0;
  char** argv = nullptr;
  const fit::MpiSession session(argc, argv);
  const Ranks ranks{
      session.rank(),
      [&](fit::Evaluator evaluator, const fit::KnobSpace& space, const fit::PoolOptions& options) {
        return make_mpi_pool(session, std::move(evaluator), space, options);
      },
      [&](fit::Evaluator evaluator, const fit::KnobSpace& space) {
        return serve_evaluations(session, std::move(evaluator), space);
      }};
  try {
    return work(&ranks);
  } catch (...) {
    session.abort(report_problem());
  }
}

#else

namespace {

/// Open MPI's mpirun and MPICH's (and what is built on it) say so in the environment.
bool started_by_mpirun() {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    const char* ranks = std::getenv(variable);
    if (ranks && std::atoi(ranks) > 1) return true;
  }
  return false;
}

}  // namespace

int among_ranks(const std::function<int(const Ranks*)>& work) {
  if (started_by_mpirun()) go_on_in("-mpi", "BETIMES_WITH_MPI");
  return work(nullptr);
}

#endif

}  // namespace betimes::cli

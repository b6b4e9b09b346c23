// mpirun -n 4 mpi_check: optimises over MPI and alone, and says how the ledgers differ. CTest runs
// it.
#include <fmt/format.h>
#include <mpi.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <string>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/fit/mpi/mpi_pool.h"
#include "betimes/fit/optimize.h"

namespace {

using namespace betimes::fit;  // NOLINT: this program's one subject

KnobSpace make_space() {
  KnobSpace space;
  space.add({"a", Integers{0, 11}, int64_t{0}, ""}).add({"x", Reals{0.01, 1, true}, 0.1, ""});
  return space;
}

/// Slow now and then, and broken for some settings in each of the ways there are.
Outcome world(const Setting& setting, bool dangerous) {
  const int64_t a = std::get<int64_t>(setting.at("a"));
  const double x = std::get<double>(setting.at("x"));
  if (dangerous) ::usleep(static_cast<useconds_t>(1000 * (a * 7 % 5)));
  if (a == 3) throw betimes::Error("world", "three is broken");
  return {1 - std::fabs(x - 0.3), 1 + static_cast<double>(a) * x, {{"x", x}}};
}

std::string told(const Ledger& ledger) {
  std::string text;
  for (const Entry& entry : ledger.entries()) {
    text += fmt::format("{} {} {}", entry.round, to_string(entry.setting), entry.failure);
    if (entry.found) text += fmt::format(" {} {}", entry.found->quality, entry.found->latency_ms);
    text += '\n';
  }
  return text;
}

Ledger search(const std::string& name, const std::function<Optimized(Search&, Ledger&)>& run) {
  Ledger ledger(make_space(), "mpi", 5);
  const auto search =
      make_search(name, make_space(), Objective::under(parse_budget("3ms")), ledger.seed());
  run(*search, ledger);
  return ledger;
}

/// On rank 0: whether both ledgers are the same.
bool agree(const MpiSession& session, const std::string& name) {
  OptimizeOptions options;
  options.evaluations = 40;
  options.batch = 6;
  const Evaluator plain = [](const Setting& setting) { return world(setting, false); };
  const Ledger over_mpi = search(name, [&](Search& one, Ledger& ledger) {
    const auto pool = make_mpi_pool(session, plain, make_space());
    return optimize(*pool, one, ledger, options);
  });
  const Ledger alone = search(
      name, [&](Search& one, Ledger& ledger) { return optimize(plain, one, ledger, options); });
  if (over_mpi.size() == 40 && told(over_mpi) == told(alone)) return true;
  fmt::print("{}: the ledgers differ\n--- over MPI\n{}--- alone\n{}", name, told(over_mpi),
             told(alone));
  return false;
}

/// On rank 0: how a setting that kills its worker is entered.
std::string failure_of_crash(const MpiSession& session) {
  Ledger ledger(make_space(), "mpi", 5);
  const auto one = make_search("random", make_space(), Objective::under({}), 5);
  OptimizeOptions options;
  options.evaluations = 4;
  const auto pool = make_mpi_pool(
      session, [](const Setting&) { return Outcome{}; }, make_space());
  optimize(*pool, *one, ledger, options);
  return ledger.entries().back().failure;
}

}  // namespace

int main(int argc, char** argv) {
  const MpiSession session(argc, argv);
  if (session.ranks() < 2) {
    fmt::print("needs other ranks: mpirun -n 4\n");
    return 2;
  }
  bool good = true;
  for (const std::string name : {"evolution", "random", "ppo"}) {
    int64_t served = 0;
    if (session.rank() == 0) {
      good &= agree(session, name);
    } else {
      served = serve_evaluations(
          session, [](const Setting& setting) { return world(setting, true); }, make_space());
    }
    std::vector<int64_t> all(static_cast<size_t>(session.ranks()));
    MPI_Gather(&served, 1, MPI_INT64_T, all.data(), 1, MPI_INT64_T, 0, MPI_COMM_WORLD);
    for (int rank = 1; rank < session.ranks() && session.rank() == 0; ++rank) {
      fmt::print("{}: rank {} evaluated {}\n", name, rank, all[static_cast<size_t>(rank)]);
      good &= all[static_cast<size_t>(rank)] > 0;
    }
  }
  const std::string killed = "the worker was killed by signal 9 (Killed)";
  if (session.rank() == 0) {
    const std::string failure = failure_of_crash(session);
    fmt::print("a crash is entered as: {}\n", failure);
    good &= failure == killed;
  } else {
    const PoolOptions isolated{1, 30};
    const Evaluator crash = [](const Setting&) -> Outcome {
      ::raise(SIGKILL);
      return {};
    };
    serve_evaluations(session, crash, make_space(), isolated);
  }
  if (session.rank() == 0) fmt::print("{}\n", good ? "the ledgers are equal" : "failed");
  return good ? 0 : 1;
}

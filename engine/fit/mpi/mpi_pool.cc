#include "betimes/fit/mpi/mpi_pool.h"

#include <mpi.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "betimes/base/error.h"
#include "betimes/fit/detail/entry_json.h"

namespace betimes::fit {
namespace {

enum Tag : int { task = 1, reply = 2, stop = 3 };

struct Message {
  int source = 0;
  int tag = 0;
  std::string text;
};

void check_call(int code, const char* what) {
  if (code != MPI_SUCCESS) throw Error("MPI", std::string(what) + " failed");
}

void send(int rank, Tag tag, const std::string& text) {
  check_call(
      MPI_Send(text.data(), static_cast<int>(text.size()), MPI_CHAR, rank, tag, MPI_COMM_WORLD),
      "sending");
}

/// Looks now and then rather than all the time, as MPI_Recv would: whoever measures latencies on
/// this machine needs its processors more.
Message receive() {
  MPI_Status status{};
  for (int there = 0; there == 0;) {
    check_call(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, &status), "looking");
    if (there == 0) std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  int size = 0;
  check_call(MPI_Get_count(&status, MPI_CHAR, &size), "looking");
  Message message{status.MPI_SOURCE, status.MPI_TAG, {}};
  message.text.resize(static_cast<size_t>(size));
  check_call(MPI_Recv(message.text.data(), size, MPI_CHAR, status.MPI_SOURCE, status.MPI_TAG,
                      MPI_COMM_WORLD, &status),
             "receiving");
  return message;
}

class MpiPool : public Pool {
 public:
  MpiPool(const KnobSpace& space, int ranks) : space_(space) {
    for (int rank = 1; rank < ranks; ++rank) idle_.insert(rank);
  }

  ~MpiPool() override {
    try {
      while (!jobs_.empty()) jobs_.erase(receive().source);  // an exception has left them behind
      for (const int rank : idle_) send(rank, stop, "");
    } catch (const std::exception&) {
      MPI_Abort(MPI_COMM_WORLD, 3);  // they would wait for ever
    }
  }
  MpiPool(const MpiPool&) = delete;
  MpiPool& operator=(const MpiPool&) = delete;

  void evaluate(const std::vector<Setting>& settings, const Done& done,
                const std::function<bool()>& enough) override {
    size_t next = 0;
    for (;;) {
      while (!idle_.empty() && next < settings.size() && !enough()) {
        const int rank = *idle_.begin();
        send(rank, task, detail::write_setting(settings[next]));
        idle_.erase(rank);
        jobs_[rank] = next++;
      }
      if (jobs_.empty()) return;
      const Message message = receive();
      const size_t job = jobs_.at(message.source);
      jobs_.erase(message.source);
      idle_.insert(message.source);
      Entry entry =
          detail::read_entry(message.text, space_, "rank " + std::to_string(message.source));
      if (entry.setting != settings[job]) throw Error("MPI", "a rank evaluated another setting");
      done(job, {std::move(entry.found), std::move(entry.failure), entry.seconds});
    }
  }

 private:
  KnobSpace space_;
  std::set<int> idle_;
  std::map<int, size_t> jobs_;  // by rank
};

}  // namespace

MpiSession::MpiSession(int& argc, char**& argv) {
  int begun = 0;
  check_call(MPI_Initialized(&begun), "asking");
  if (begun != 0) throw Error("MPI", "has been begun already", "one session a process");
  int provided = 0;
  check_call(MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided), "beginning");
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  check_call(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "asking");
  check_call(MPI_Comm_size(MPI_COMM_WORLD, &ranks_), "asking");
}

MpiSession::~MpiSession() { MPI_Finalize(); }

void MpiSession::abort(int exit_code) const {
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::exit(exit_code);
}

std::unique_ptr<Pool> make_mpi_pool(const MpiSession& session, Evaluator evaluator,
                                    const KnobSpace& space, const PoolOptions& options) {
  if (session.rank() != 0) throw Error("MPI", "only rank 0 searches", "serve_evaluations()");
  if (session.ranks() == 1) return make_pool(std::move(evaluator), space, options);
  return std::make_unique<MpiPool>(space, session.ranks());
}

int64_t serve_evaluations(const MpiSession& session, Evaluator evaluator, const KnobSpace& space,
                          const PoolOptions& options) {
  if (session.rank() == 0) throw Error("MPI", "rank 0 searches", "make_mpi_pool()");
  const auto pool = make_pool(std::move(evaluator), space, options);
  for (int64_t served = 0;; ++served) {
    const Message message = receive();
    if (message.tag == stop) return served;
    Entry entry;
    entry.setting = detail::read_setting(message.text, space, "rank 0");
    const auto keep = [&](size_t, Evaluation evaluation) {
      entry.found = std::move(evaluation.found);
      entry.failure = std::move(evaluation.failure);
      entry.seconds = evaluation.seconds;
    };
    pool->evaluate({entry.setting}, keep, [] { return false; });
    send(0, reply, detail::write_entry(entry));
  }
}

}  // namespace betimes::fit

#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "betimes/fit/detail/descriptor.h"
#include "betimes/fit/pool.h"

namespace betimes::fit::detail {

/// Forked processes, one socket each. A message is its length in four bytes and a line of JSON:
/// a setting on the way there, an entry on the way back.
class WorkerPool : public Pool {
 public:
  WorkerPool(Evaluator evaluator, const KnobSpace& space, const PoolOptions& options);
  ~WorkerPool() override;
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void evaluate(const std::vector<Setting>& settings, const Done& done,
                const std::function<bool()>& stop) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Worker {
    pid_t process = -1;
    Descriptor socket;
    std::string received;  // of a reply, so far
    std::optional<size_t> job;
    Clock::time_point begun;
  };

  void start(Worker& worker);
  /// Kills the process if it still lives, and says how it ended.
  static std::string end(Worker& worker);
  void give(Worker& worker, const std::vector<Setting>& settings, size_t job);
  /// Until a worker has something to say or its time is over.
  void wait() const;
  /// What has become of the worker's job; nullopt: it is still at it.
  std::optional<Evaluation> look_at(Worker& worker, const Setting& setting);
  /// The reply, once all of it is there. Throws Error for what is none.
  std::optional<Evaluation> read_reply(const Worker& worker, const Setting& setting) const;
  bool late(const Worker& worker) const;
  double seconds_of(const Worker& worker) const;

  Evaluator evaluator_;
  KnobSpace space_;
  PoolOptions options_;
  std::vector<Worker> workers_;
};

}  // namespace betimes::fit::detail

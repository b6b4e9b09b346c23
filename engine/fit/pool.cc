#include "betimes/fit/pool.h"

#include <chrono>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/fit/detail/worker_pool.h"

namespace betimes::fit {
namespace {

class LocalPool : public Pool {
 public:
  explicit LocalPool(Evaluator evaluator) : evaluator_(std::move(evaluator)) {}

  void evaluate(const std::vector<Setting>& settings, const Done& done,
                const std::function<bool()>& stop) override {
    for (size_t i = 0; i < settings.size() && !stop(); ++i) {
      done(i, fit::evaluate(evaluator_, settings[i]));
    }
  }

 private:
  Evaluator evaluator_;
};

}  // namespace

Evaluation evaluate(const Evaluator& evaluator, const Setting& setting) {
  Evaluation result;
  const auto start = std::chrono::steady_clock::now();
  try {
    Outcome outcome = evaluator(setting);
    check(outcome);
    result.found = std::move(outcome);
  } catch (const std::exception& problem) {
    result.failure = std::string(problem.what()).substr(0, Entry::longest_failure);
  } catch (...) {
    result.failure = "the evaluation threw something that is no exception";
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  result.seconds = spent.count();
  return result;
}

std::unique_ptr<Pool> make_pool(Evaluator evaluator, const KnobSpace& space,
                                const PoolOptions& options) {
  if (!evaluator) throw Error("pool", "has no evaluator");
  if (options.workers < 0 || options.workers > 1024) {
    throw Error("workers", "can't be so many", "0 to 1024");
  }
  if (!(options.evaluation_seconds >= 0) || !std::isfinite(options.evaluation_seconds)) {
    throw Error("evaluation's seconds", "aren't a time", "0: no limit");
  }
  if (options.workers > 0) {
    return std::make_unique<detail::WorkerPool>(std::move(evaluator), space, options);
  }
  if (options.evaluation_seconds > 0) {
    throw Error("evaluation's seconds", "can't be limited in this process", "workers");
  }
  return std::make_unique<LocalPool>(std::move(evaluator));
}

}  // namespace betimes::fit

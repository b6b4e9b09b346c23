#include "betimes/fit/optimize.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "betimes/base/error.h"

namespace betimes::fit {
namespace {

using Clock = std::chrono::steady_clock;

/// Settings that are evaluated before the search is asked again.
struct Round {
  int64_t number = 0;
  std::vector<Setting> settings;
};

/// Enters evaluations into the ledger in the order of the round: those that end early wait.
class InOrder {
 public:
  InOrder(Ledger& ledger, const Round& round) : ledger_(ledger), round_(round) {}

  void add(size_t index, Evaluation evaluation) {
    waiting_[index] = std::move(evaluation);
    while (!waiting_.empty() && waiting_.begin()->first == next_) {
      Evaluation first = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      failed_ += first.found ? 0 : 1;
      ledger_.append({round_.settings[next_], std::move(first.found), std::move(first.failure),
                      first.seconds, round_.number});
      ++next_;
    }
  }
  int64_t entered() const { return static_cast<int64_t>(next_); }
  int64_t failed() const { return failed_; }

 private:
  Ledger& ledger_;
  const Round& round_;
  std::map<size_t, Evaluation> waiting_;
  size_t next_ = 0;
  int64_t failed_ = 0;
};

class Optimizing {
 public:
  Optimizing(Pool& pool, Search& search, Ledger& ledger, const OptimizeOptions& options)
      : pool_(pool), search_(search), ledger_(ledger), options_(options) {
    if (options.evaluations < 0) throw Error("evaluations", "are fewer than none");
    if (!(options.seconds > 0)) throw Error("seconds", "must be more than 0");
    if (options.batch < 0) throw Error("batch", "is below 0", "0: what the search likes");
  }

  Optimized run() {
    Round round = rest_of_last_round();
    while (result_.stopped.empty()) {
      if (left() <= 0) {
        result_.stopped = fmt::format("{} evaluations are done", options_.evaluations);
      } else if (late()) {
        result_.stopped = fmt::format("{:.4g} s are over", options_.seconds);
      } else {
        if (round.settings.empty()) round = next_round();
        evaluate(round);
        round.settings.clear();
      }
    }
    result_.frontier = Frontier(ledger_);
    result_.seconds = elapsed();
    return std::move(result_);
  }

 private:
  int64_t left() const { return options_.evaluations - static_cast<int64_t>(ledger_.size()); }
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  bool late() const { return elapsed() >= options_.seconds; }
  int batch() const { return std::max(options_.batch > 0 ? options_.batch : search_.batch(), 1); }

  /// A killed process leaves a round half done: the search is asked again as it was then.
  Round rest_of_last_round() {
    const auto& entries = ledger_.entries();
    if (entries.empty()) return {};
    const int64_t number = entries.back().round;
    size_t begin = entries.size();
    while (begin > 0 && entries[begin - 1].round == number) --begin;
    std::vector<Setting> proposed = search_.propose(ledger_.head(begin), batch());
    const size_t had = entries.size() - begin;
    if (proposed.size() <= had) return {};
    for (size_t i = 0; i < had; ++i) {
      // Another search, or other parameters: a new round then.
      if (proposed[i] != entries[begin + i].setting) return {};
    }
    proposed.erase(proposed.begin(), proposed.begin() + static_cast<std::ptrdiff_t>(had));
    return {number, std::move(proposed)};
  }

  Round next_round() {
    Round round;
    round.number = ledger_.size() == 0 ? 0 : ledger_.entries().back().round + 1;
    std::set<Setting> seen;
    for (Setting& setting : search_.propose(ledger_, batch())) {
      ledger_.space().check(setting);
      if (ledger_.find(setting) || !seen.insert(setting).second) continue;
      round.settings.push_back(std::move(setting));
    }
    if (round.settings.empty()) result_.stopped = "the search has nothing left to propose";
    return round;
  }

  void evaluate(Round& round) {
    // Cut here and not where the search is asked: a run that goes on later finds the same round.
    const auto most = static_cast<size_t>(left());
    if (round.settings.size() > most) round.settings.resize(most);
    InOrder in_order(ledger_, round);
    pool_.evaluate(
        round.settings,
        [&](size_t index, Evaluation evaluation) {
          in_order.add(index, std::move(evaluation));
          report();
        },
        [&] { return late(); });
    result_.evaluated += in_order.entered();
    result_.failed += in_order.failed();
  }

  void report() const {
    if (!options_.progress) return;
    const auto done = static_cast<double>(ledger_.size());
    const double share = done / static_cast<double>(options_.evaluations);
    options_.progress(std::min(1.0, std::max(share, elapsed() / options_.seconds)),
                      fmt::format("{} of {} settings", ledger_.size(), options_.evaluations));
  }

  Pool& pool_;
  Search& search_;
  Ledger& ledger_;
  const OptimizeOptions& options_;
  Clock::time_point start_ = Clock::now();
  Optimized result_;
};

}  // namespace

Optimized optimize(Pool& pool, Search& search, Ledger& ledger, const OptimizeOptions& options) {
  return Optimizing(pool, search, ledger, options).run();
}

Optimized optimize(const Evaluator& evaluator, Search& search, Ledger& ledger,
                   const OptimizeOptions& options) {
  const auto pool = make_pool(evaluator, ledger.space(), options.pool);
  return optimize(*pool, search, ledger, options);
}

}  // namespace betimes::fit

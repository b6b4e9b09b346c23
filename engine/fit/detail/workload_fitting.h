#pragma once

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "betimes/fit/workload_fit.h"

namespace betimes::fit::detail {

/// A workload under several settings in turn: applies one only when it isn't the present one.
class Switching {
 public:
  explicit Switching(Workload& workload) : workload_(workload) {}

  /// Whatever the present setting is, it is applied anew next time.
  void forget() { present_.reset(); }
  void apply(const Setting& setting);
  Workload& workload() { return workload_; }

 private:
  Workload& workload_;
  std::optional<Setting> present_;
};

/// One fit of a workload on its way.
class WorkloadFitting {
 public:
  WorkloadFitting(Workload& workload, const WorkloadFitOptions& options);
  WorkloadFit run();
  /// What a search sees of a setting: quality, and a latency measured alone and shortly. Not to be
  /// used after this.
  Evaluator evaluator() {
    return [this](const Setting& setting) { return evaluate(setting); };
  }

 private:
  void progress(double fraction, const std::string& what) const;
  Ledger open_ledger();
  Outcome evaluate(const Setting& setting);
  void evaluate_standard();
  Objective objective() const;
  void search();

  /// What was tried, with what the long measurements found of those that had one.
  std::vector<Entry> tried() const;
  /// The next few settings worth measuring for long, the most promising first.
  std::vector<Setting> next_finalists() const;
  std::vector<Entry> promising() const;
  /// Measures them beside the standard setting and corrects what was found of all.
  void verify(const std::vector<Setting>& finalists);
  int64_t turn_of(const std::vector<Setting>& settings) const;
  /// Of the standard setting and the finalists so far.
  const Entry& choice() const;
  bool may_be_beaten() const;
  void settle_budget(const Entry& chosen);
  FittedSetting describe(const Setting& setting);
  std::string verdict(const Entry& chosen) const;
  WorkloadFit report();

  Workload& workload_;
  Switching switching_;
  const WorkloadFitOptions& options_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  LatencyMeter meter_;
  Budget budget_;
  Setting standard_;
  Ledger ledger_;
  std::string stopped_, objective_name_;
  std::map<Setting, Entry> verified_;  // with what the long measurement found
  std::map<Setting, measure::Latency> latencies_;
};

}  // namespace betimes::fit::detail

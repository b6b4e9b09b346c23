#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "betimes/fit/choose.h"
#include "betimes/fit/fit.h"
#include "betimes/fit/latency_model.h"
#include "betimes/fit/precision_search.h"
#include "betimes/fit/score.h"
#include "betimes/fit/timing.h"

namespace betimes::fit {

/// One variant on its way through the fit.
struct Trial {
  Assignment assignment;
  std::shared_ptr<const runtime::Plan> plan;
  double predicted_ms = 0;  // at the pace the machine had while the model learnt
  double pace = 1;          // how much slower it ran while this was measured, by the original
  double predicted_loss = 0;
  Candidate found;  // filled by measuring
  bool timed = false;
  std::vector<double> scores;
};

/// Examples are scored on as many sessions side by side as there are CPUs.
int workers();
/// Bytes a plan holds while it runs: weights and activations.
size_t memory_of(const runtime::Plan& plan);

/// One fit on its way, from the original graph to the report. fit.cc has the search, evidence.cc
/// what is told of it.
class Fitting {
 public:
  Fitting(const graph::Graph& original, const judge::Task& task, const judge::Metric& metric,
          const FitOptions& options);
  Fitted run();

 private:
  void progress(double fraction, const std::string& what) const;
  double elapsed() const;
  void start();
  std::vector<double> score_all(const Predictions& found) const;
  double quick_ms(const std::shared_ptr<const runtime::Plan>& plan) const;
  Assignment everything(Precision precision, Calibration calibration, int threads) const;
  double validation_error(const Assignment& assignment, int64_t examples) const;
  static Predictions first_rows(const Predictions& all, int64_t count);

  /// As many validation examples as fit into `share` of the time for `variants` variants.
  int64_t affordable(double share, size_t variants) const;
  void pick_calibration();
  void find_losses();
  class Oracle;
  Assignment random_mix(int threads);

  /// Learns this thread count's costs from a few profiled variants, then measures what the models
  /// put on the frontier.
  void explore(int threads);
  void observe_teachers(const std::vector<Assignment>& teachers, int runs, int threads);
  void add_trial(const Assignment& assignment, const PrecisionSearch& search);

  /// Latency and validation quality of the trials that have none yet; latencies interleaved.
  void measure_trials();
  void validate_trial(Trial& trial);
  std::vector<Candidate> candidates() const;

  /// Without a budget: the knee of the frontier is the choice, and the budget what it needs at p99,
  /// with a quarter to spare for a busier moment of the machine, rounded up to two digits.
  size_t settle_at_knee();
  size_t keep_budget();
  /// Looks for a better variant just under the budget, with the model corrected by what was
  /// measured.
  void repair();

  /// Measures the choice beside the original for long enough to support the percentile; a choice
  /// that doesn't keep the budget then is rejected and the next one tried.
  size_t verify();
  void measure_beside_original(size_t chosen);
  Fitted report(size_t chosen);
  void fill_quality(Result& result, const Trial& trial) const;
  void fill_points(Result& result, size_t chosen) const;
  void fill_sensitivities(Result& result, const Trial& trial) const;

  const graph::Graph& original_;
  const judge::Task& task_;
  const judge::Metric& metric_;
  const FitOptions& options_;
  std::unique_ptr<Timing> timing_;
  std::mt19937_64 random_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();

  std::unique_ptr<Variants> variants_;
  Predictions reference_;
  double reference_quality_ = 0;
  double single_ms_ = 1;
  Calibration calibration_ = Calibration::min_max;
  Losses losses_;
  Losses drops_;
  std::map<int, LatencyModel> models_;
  std::vector<Trial> trials_;
  Budget budget_;
  bool met_ = false;
  std::shared_ptr<const runtime::Plan> original_plan_;
  measure::Latency original_latency_, fitted_latency_;
};

}  // namespace betimes::fit

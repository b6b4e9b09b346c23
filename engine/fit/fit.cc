#include "betimes/fit/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <thread>

#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/fit/detail/fitting.h"
#include "betimes/measure/profile.h"
#include "betimes/runtime/session.h"

namespace betimes::fit {
namespace {

constexpr size_t frontier_points = 9;
constexpr int profiled_mixes = 4;
constexpr int repair_rounds = 3;
constexpr int verification_rounds = 4;

}  // namespace

size_t memory_of(const runtime::Plan& plan) { return plan.memory().weights + plan.memory().arena; }

Fitting::Fitting(const graph::Graph& original, const judge::Task& task, const judge::Metric& metric,
                 const FitOptions& options)
    : original_(original),
      task_(task),
      metric_(metric),
      options_(options),
      timing_(options.device ? predicted_timing(options.device) : measured_timing()),
      random_(options.seed) {
  if (options.threads.empty()) throw Error("threads", "no number of threads was given");
  if (task.test.size() == 0 || task.validation.size() == 0 || task.calibration.size() == 0) {
    throw Error("task " + task.name, "has an empty part",
                "examples to calibrate with, to choose with and to test with");
  }
}

Fitted Fitting::run() {
  start();
  pick_calibration();
  find_losses();
  for (const int threads : options_.threads) explore(threads);
  return report(options_.budget ? keep_budget() : settle_at_knee());
}

size_t Fitting::keep_budget() {
  budget_ = *options_.budget;
  repair();
  return verify();
}

void Fitting::progress(double fraction, const std::string& what) const {
  if (options_.progress) options_.progress(fraction, what);
}

double Fitting::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
}

int workers() { return static_cast<int>(std::max(std::thread::hardware_concurrency(), 1u)); }

void Fitting::start() {
  progress(0.0, "reading the graph");
  graph::Graph prepared = prepare(original_, options_.shapes);
  const std::set<std::string> values = observed_values(prepared, lowerable_nodes(prepared));
  progress(0.02, "watching activations on " + std::to_string(task_.calibration.size()) +
                     " calibration examples");
  auto seen = observe(prepared, values, task_.calibration.inputs, 1);
  variants_ = std::make_unique<Variants>(std::move(prepared), std::move(seen));
  progress(0.08, "the original on validation data");
  const auto plan = variants_->compile({}, 1);
  reference_ = predict(plan, task_.validation.inputs, workers());
  reference_quality_ = judge::summarize(score_all(reference_)).value;
  single_ms_ = quick_ms(plan);
}

std::vector<double> Fitting::score_all(const Predictions& found) const {
  return scores(metric_, found, reference_, task_.validation.labels);
}

double Fitting::quick_ms(const std::shared_ptr<const runtime::Plan>& plan) const {
  runtime::Session session(plan);
  const PinnedTeam team(1);
  measure::Options quick;
  quick.max_seconds = 0.5;
  quick.max_runs = 200;
  return measure::measure([&] { session.run(); }, quick).p50.value;
}

Assignment Fitting::everything(Precision precision, Calibration calibration, int threads) const {
  Assignment assignment{{}, calibration, threads};
  for (const std::string& node : variants_->nodes()) assignment.lowered[node] = precision;
  return assignment;
}

double Fitting::validation_error(const Assignment& assignment, int64_t examples) const {
  const auto part = task_.validation.slice(0, examples);
  const Predictions found = predict(variants_->compile(assignment, 1), part.inputs, workers());
  return output_error(found, first_rows(reference_, examples));
}

Predictions Fitting::first_rows(const Predictions& all, int64_t count) {
  const auto width = static_cast<size_t>(all.rows.shape()[1]);
  const auto rows = all.rows.data<float>().first(static_cast<size_t>(count) * width);
  return {Tensor::from<float>({count, all.rows.shape()[1]}, rows)};
}

int64_t Fitting::affordable(double share, size_t variants) const {
  const double seconds = share * options_.max_seconds * workers();
  const double runs = seconds / std::max(single_ms_ * 1e-3, 1e-6);
  const auto each = static_cast<int64_t>(runs / std::max<double>(1, static_cast<double>(variants)));
  return std::clamp<int64_t>(each, std::min<int64_t>(16, task_.validation.size()),
                             std::min<int64_t>(1000, task_.validation.size()));
}

void Fitting::pick_calibration() {
  double least = std::numeric_limits<double>::infinity();
  const auto methods = all_calibrations();
  const int64_t examples = affordable(0.05, methods.size());
  for (const Calibration method : methods) {
    progress(0.1, "calibrating by " + std::string(name(method)));
    const double error = validation_error(everything(Precision::int8, method, 1), examples);
    if (error >= least) continue;
    least = error;
    calibration_ = method;
  }
}

Assignment Fitting::random_mix(int threads) {
  Assignment mix{{}, calibration_, threads};
  for (const std::string& node : variants_->nodes()) {
    const auto choice = random_() % (variants_->precisions().size() + 1);
    if (choice > 0) mix.lowered[node] = variants_->precisions()[choice - 1];
  }
  return mix;
}

void Fitting::explore(int threads) {
  progress(0.36, "timing every node at every precision");
  LatencyModel& model = models_[threads];
  std::vector<Assignment> teachers = {{{}, calibration_, threads}};
  for (const Precision precision : variants_->precisions()) {
    teachers.push_back(everything(precision, calibration_, threads));
  }
  for (int i = 0; i < profiled_mixes; ++i) teachers.push_back(random_mix(threads));
  const int runs = static_cast<int>(std::clamp(
      0.1 * options_.max_seconds * 1e3 / (single_ms_ * static_cast<double>(teachers.size())), 10.0,
      300.0));
  observe_teachers(teachers, runs, threads);
  const PrecisionSearch search(*variants_, model, losses_);
  // The ends are shown even where the models expect nothing of them.
  add_trial({{}, calibration_, threads}, search);
  for (const Precision precision : variants_->precisions()) {
    add_trial(everything(precision, calibration_, threads), search);
  }
  for (const Assignment& each : search.frontier(calibration_, threads, frontier_points)) {
    add_trial(each, search);
  }
  measure_trials();
}

void Fitting::observe_teachers(const std::vector<Assignment>& teachers, int runs, int threads) {
  Plans plans;
  for (const Assignment& teacher : teachers) plans.push_back(variants_->compile(teacher));
  const auto profiles = timing_->profiles(plans, runs, threads, random_());
  for (size_t i = 0; i < plans.size(); ++i) models_[threads].observe(*plans[i], profiles[i]);
}

void Fitting::add_trial(const Assignment& assignment, const PrecisionSearch& search) {
  const bool known = std::any_of(trials_.begin(), trials_.end(), [&](const Trial& trial) {
    return trial.assignment == assignment;
  });
  if (known) return;
  Trial trial;
  trial.assignment = assignment;
  trial.plan = variants_->compile(assignment);
  trial.predicted_ms = models_.at(assignment.threads).predict(*trial.plan);
  trial.predicted_loss = search.estimate(assignment).loss;
  trial.found.memory_bytes = memory_of(*trial.plan);
  trials_.push_back(std::move(trial));
}

void Fitting::measure_trials() {
  std::vector<size_t> fresh;
  Plans plans;
  for (size_t i = 0; i < trials_.size(); ++i) {
    if (trials_[i].timed) continue;
    fresh.push_back(i);
    plans.push_back(trials_[i].plan);
  }
  if (fresh.empty()) return;
  progress(0.5, (options_.device ? "predicting " : "measuring ") + std::to_string(fresh.size()) +
                    " variants end to end");
  // The original runs among them: its time tells the pace of the machine while they ran.
  std::map<int, size_t> originals;  // threads -> plan
  for (const size_t i : fresh) {
    const int threads = trials_[i].assignment.threads;
    if (originals.contains(threads)) continue;
    const auto own = std::find_if(fresh.begin(), fresh.end(), [&](size_t k) {
      return trials_[k].assignment.lowered.empty() && trials_[k].assignment.threads == threads;
    });
    originals[threads] =
        own == fresh.end() ? plans.size() : static_cast<size_t>(own - fresh.begin());
    if (own == fresh.end()) plans.push_back(variants_->compile({}, threads));
  }
  measure::Options options;
  options.max_seconds = std::clamp(0.12 * options_.max_seconds, 1.0, 20.0);
  options.max_runs = 1000;
  const auto latencies = timing_->latencies(
      plans, options, *std::max_element(options_.threads.begin(), options_.threads.end()),
      random_());
  std::map<int, double> paces;
  for (const auto& [threads, session] : originals) {
    paces[threads] = latencies[session].p50.value / models_.at(threads).predict(*plans[session]);
  }
  for (size_t i = 0; i < fresh.size(); ++i) {
    Trial& trial = trials_[fresh[i]];
    trial.found.latency = latencies[i];
    trial.timed = true;
    trial.pace = paces.at(trial.assignment.threads);
    progress(0.55 + 0.1 * static_cast<double>(i) / static_cast<double>(fresh.size()),
             "validating variant " + std::to_string(i + 1) + " of " + std::to_string(fresh.size()));
    validate_trial(trial);
  }
}

void Fitting::validate_trial(Trial& trial) {
  if (trial.assignment.lowered.empty()) {
    trial.scores = score_all(reference_);
    trial.found.output_error = 0;
  } else {
    const auto plan = variants_->compile(trial.assignment, 1);
    const Predictions found = predict(plan, task_.validation.inputs, workers());
    trial.scores = score_all(found);
    trial.found.output_error = output_error(found, reference_);
  }
  trial.found.quality = judge::summarize(trial.scores).value;
}

std::vector<Candidate> Fitting::candidates() const {
  std::vector<Candidate> result;
  for (const Trial& trial : trials_) result.push_back(trial.found);
  return result;
}

size_t Fitting::settle_at_knee() {
  const size_t chosen = knee(candidates());
  progress(0.75, "timing the knee of the frontier");
  measure_beside_original(chosen);
  const double p99 = 1.25 * fitted_latency_.p99.value;
  const double unit = std::pow(10.0, std::floor(std::log10(p99)) - 1);
  budget_.bounds = {{"p99", std::ceil(p99 / unit) * unit}};
  met_ = true;
  return chosen;
}

void Fitting::repair() {
  for (int round = 0; round < repair_rounds; ++round) {
    const std::vector<Candidate> all = candidates();
    const size_t near = best_under(all, budget_).value_or(nearest(all, budget_));
    if (trials_[near].assignment.lowered.empty() && best_under(all, budget_)) return;
    const double used = pressure(budget_, all[near].latency);
    if (used <= 0) return;
    const int threads = trials_[near].assignment.threads;
    const PrecisionSearch search(*variants_, models_.at(threads), losses_);
    const double correction =
        all[near].latency.p50.value / search.estimate(trials_[near].assignment).ms;
    const double target = all[near].latency.p50.value / used / correction;
    const size_t before = trials_.size();
    progress(0.66 + 0.03 * round, "repairing against the variants' times");
    add_trial(search.under(0.98 * target, calibration_, threads), search);
    if (trials_.size() == before) return;
    measure_trials();
  }
}

size_t Fitting::verify() {
  for (int round = 0; round < verification_rounds; ++round) {
    const std::vector<Candidate> all = candidates();
    const auto best = best_under(all, budget_);
    const size_t chosen = best.value_or(nearest(all, budget_));
    progress(0.75 + 0.03 * round, "verifying the choice");
    measure_beside_original(chosen);
    if (!best || latency_met(budget_, fitted_latency_)) {
      met_ = best.has_value();
      return chosen;
    }
    trials_[chosen].found.rejected = true;
    trials_[chosen].found.latency = fitted_latency_;
  }
  met_ = false;
  const size_t chosen = nearest(candidates(), budget_);
  measure_beside_original(chosen);
  met_ = latency_met(budget_, fitted_latency_);
  return chosen;
}

void Fitting::measure_beside_original(size_t chosen) {
  const int threads = trials_[chosen].assignment.threads;
  original_plan_ = variants_->compile({}, threads);
  measure::Options options;
  options.max_seconds = std::clamp(0.2 * options_.max_seconds, 2.0, 60.0);
  options.max_runs = 20000;
  const auto latencies =
      timing_->latencies({original_plan_, trials_[chosen].plan}, options, threads, random_());
  original_latency_ = latencies[0];
  fitted_latency_ = latencies[1];
}

Fitted fit(const graph::Graph& original, const judge::Task& task, const judge::Metric& metric,
           const FitOptions& options) {
  return Fitting(original, task, metric, options).run();
}

}  // namespace betimes::fit

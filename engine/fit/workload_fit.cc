#include "betimes/fit/workload_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/fit/detail/workload_fitting.h"

namespace betimes::fit {
namespace detail {
namespace {

constexpr int verification_rounds = 3;
constexpr int64_t longest_turn = 1000;
// Shares of the progress.
constexpr double search_begins = 0.02, search_ends = 0.75, verify_ends = 0.95;

judge::Quality quality_of(const Outcome& outcome) {
  const auto extra = [&](const char* name) {
    const auto found = outcome.extra.find(name);
    return found == outcome.extra.end() ? 0.0 : found->second;
  };
  return {outcome.quality, extra("quality_low"), extra("quality_high"), extra("quality_level"),
          static_cast<int64_t>(extra("examples"))};
}

void put_latency(Outcome& outcome, const measure::Latency& latency) {
  outcome.latency_ms = latency.p50.value;
  outcome.extra["p50"] = latency.p50.value;
  outcome.extra["p90"] = latency.p90.value;
  outcome.extra["p99"] = latency.p99.value;
  outcome.extra["mean"] = latency.mean_ms;
}

/// The highest percentile that the budget bounds: what a long measurement must support.
double asked_percentile(const Budget& budget) {
  double highest = 0;
  for (const Bound& bound : budget.bounds) {
    if (bound.statistic != "mean") {
      highest = std::max(highest, measure::parse_percentile(bound.statistic));
    }
  }
  return highest > 0 ? highest : 0.99;
}

/// Two digits, rounded up.
double rounded_up(double value) {
  if (!(value > 0)) return value;
  const double unit = std::pow(10.0, std::floor(std::log10(value)) - 1);
  return std::ceil(value / unit) * unit;
}

}  // namespace

void Switching::apply(const Setting& setting) {
  if (present_ == setting) return;
  present_.reset();  // in case it throws half way
  workload_.apply(setting);
  present_ = setting;
}

WorkloadFitting::WorkloadFitting(Workload& workload, const WorkloadFitOptions& options)
    : workload_(workload),
      switching_(workload),
      options_(options),
      meter_(options.meter),
      budget_(options.budget.value_or(Budget{})),
      standard_(workload.knobs().standard()),
      ledger_(open_ledger()) {
  if (options.evaluations < 1) throw Error("evaluations", "are too few", "1 at least");
  if (options.finalists < 1) throw Error("finalists", "are too few", "1 at least");
  if (!meter_) meter_ = measure::measure_interleaved;
}

Ledger WorkloadFitting::open_ledger() {
  const KnobSpace& knobs = workload_.knobs();
  knobs.check(standard_);
  if (options_.ledger.empty()) return Ledger(knobs, options_.problem, options_.seed);
  return Ledger::open(options_.ledger, knobs, options_.problem, options_.seed);
}

void WorkloadFitting::progress(double fraction, const std::string& what) const {
  if (options_.progress) options_.progress(fraction, what);
}

Outcome WorkloadFitting::evaluate(const Setting& setting) {
  const auto start = std::chrono::steady_clock::now();
  switching_.forget();
  switching_.apply(setting);
  const std::chrono::duration<double, std::milli> applying =
      std::chrono::steady_clock::now() - start;
  const judge::Quality quality = workload_.quality(Part::validation);
  measure::Options quick;
  quick.percentile = asked_percentile(budget_);
  quick.max_seconds = options_.measure_seconds;
  quick.min_seconds = std::min(quick.min_seconds, options_.measure_seconds);
  const auto latencies = meter_({[&] { workload_.run(); }}, quick, options_.seed);
  Outcome outcome;
  outcome.quality = quality.value;
  outcome.extra = {{"quality_low", quality.low},
                   {"quality_high", quality.high},
                   {"quality_level", quality.level},
                   {"examples", static_cast<double>(quality.examples)},
                   {"apply_ms", applying.count()}};
  put_latency(outcome, latencies.at(0));
  const size_t memory = workload_.memory_bytes();
  if (memory > 0) outcome.extra["memory_bytes"] = static_cast<double>(memory);
  return outcome;
}

void WorkloadFitting::evaluate_standard() {
  progress(0, "the standard setting");
  if (!ledger_.find(standard_)) {
    Evaluation found = fit::evaluate(evaluator(), standard_);
    // Not entered: next time it may be different, and without it nothing can be compared.
    if (!found.found) throw Error("the standard setting", "can't be evaluated: " + found.failure);
    const int64_t round = ledger_.size() == 0 ? 0 : ledger_.entries().back().round + 1;
    ledger_.append({standard_, std::move(found.found), "", found.seconds, round});
  }
  const Entry& entry = *ledger_.find(standard_);
  if (!entry.found) throw Error("the standard setting", "can't be evaluated: " + entry.failure);
  if (budget_.memory && !entry.found->extra.contains("memory_bytes")) {
    throw Error("budget", "bounds memory, and the workload doesn't know its own");
  }
}

Objective WorkloadFitting::objective() const {
  if (options_.budget) return Objective::under(budget_);
  // Without a budget the whole frontier is of interest: a soft pull towards half the latency.
  const double standard_ms = ledger_.find(standard_)->found->latency_ms;
  return Objective::weighted(std::max(standard_ms / 2, 1e-6));
}

void WorkloadFitting::search() {
  const Objective aim = objective();
  objective_name_ = aim.name();
  const auto search = make_search(options_.search, workload_.knobs(), aim, options_.seed);
  OptimizeOptions optimizing;
  optimizing.evaluations = options_.evaluations;
  optimizing.seconds = options_.seconds;
  optimizing.progress = [&](double fraction, const std::string& what) {
    progress(search_begins + fraction * (search_ends - search_begins), what);
  };
  const PoolMaker& maker = options_.make_pool;
  const auto pool = maker ? maker(evaluator(), workload_.knobs(), options_.pool)
                          : make_pool(evaluator(), workload_.knobs(), options_.pool);
  stopped_ = optimize(*pool, *search, ledger_, optimizing).stopped;
}

std::vector<Entry> WorkloadFitting::tried() const {
  std::vector<Entry> result = ledger_.entries();
  for (Entry& entry : result) {
    const auto measured = verified_.find(entry.setting);
    if (measured != verified_.end()) entry = measured->second;
  }
  return result;
}

std::vector<Entry> WorkloadFitting::promising() const {
  std::vector<Entry> result = tried();
  std::erase_if(result, [](const Entry& entry) { return !entry.found; });
  if (options_.budget) {
    const Objective aim = Objective::under(budget_);
    std::stable_sort(result.begin(), result.end(),
                     [&](const Entry& a, const Entry& b) { return aim.better(a, b); });
    return result;
  }
  // The knee, then its neighbours on the frontier.
  Frontier frontier;
  for (const Entry& entry : result) frontier.add(entry);
  const double knee = frontier.knee().found->latency_ms;
  std::erase_if(result, [&](const Entry& entry) { return !frontier.has(entry.setting); });
  std::stable_sort(result.begin(), result.end(), [&](const Entry& a, const Entry& b) {
    return std::fabs(a.found->latency_ms - knee) < std::fabs(b.found->latency_ms - knee);
  });
  return result;
}

std::vector<Setting> WorkloadFitting::next_finalists() const {
  std::vector<Setting> result;
  for (const Entry& entry : promising()) {
    if (entry.setting == standard_ || verified_.contains(entry.setting)) continue;
    result.push_back(entry.setting);
    if (static_cast<int>(result.size()) == options_.finalists) break;
  }
  return result;
}

/// A turn's first run isn't sampled and may apply another setting: turns are so long that this
/// takes no more than about half of the time.
int64_t WorkloadFitting::turn_of(const std::vector<Setting>& settings) const {
  double longest = 0;
  for (const Setting& setting : settings) {
    const Outcome& found = *ledger_.find(setting)->found;
    const auto applying = found.extra.find("apply_ms");
    const double apply_ms = applying == found.extra.end() ? 0 : applying->second;
    longest = std::max(longest, apply_ms / std::max(found.latency_ms, 1e-6));
  }
  return std::clamp<int64_t>(static_cast<int64_t>(std::min(longest, 1e6)), 8, longest_turn);
}

void WorkloadFitting::verify(const std::vector<Setting>& finalists) {
  std::vector<Setting> settings = finalists;
  settings.insert(settings.begin(), standard_);
  std::vector<std::function<void()>> runs;
  for (const Setting& setting : settings) {
    runs.emplace_back([&, setting] {
      switching_.apply(setting);
      workload_.run();
    });
  }
  measure::Options thorough;
  thorough.percentile = asked_percentile(budget_);
  thorough.max_seconds = options_.verify_seconds;
  thorough.turn = turn_of(settings);
  thorough.progress = [&](double fraction) {
    progress(search_ends + fraction * (verify_ends - search_ends), "measuring the finalists");
  };
  const auto found = meter_(runs, thorough, options_.seed);
  for (size_t i = 0; i < settings.size(); ++i) {
    Entry entry = *ledger_.find(settings[i]);
    put_latency(*entry.found, found.at(i));
    verified_[settings[i]] = std::move(entry);
    latencies_[settings[i]] = found.at(i);
  }
}

const Entry& WorkloadFitting::choice() const {
  for (const Entry& entry : promising()) {
    const auto measured = verified_.find(entry.setting);
    if (measured != verified_.end()) return measured->second;
  }
  return verified_.at(standard_);
}

/// Whether a setting that was only measured shortly promises more than the choice: those that
/// promised more haven't kept it when they were measured for longer.
bool WorkloadFitting::may_be_beaten() const {
  return !verified_.contains(promising().front().setting);
}

void WorkloadFitting::settle_budget(const Entry& chosen) {
  if (options_.budget) return;
  // A quarter to spare for a busier moment of the machine, as the fit of graphs has it.
  budget_.bounds = {{"p99", rounded_up(1.25 * chosen.found->extra.at("p99"))}};
}

FittedSetting WorkloadFitting::describe(const Setting& setting) {
  const Outcome& found = *verified_.at(setting).found;
  FittedSetting result;
  result.setting = setting;
  result.latency = latencies_.at(setting);
  result.validation = quality_of(found);
  switching_.apply(setting);
  result.test = workload_.quality(Part::test);
  const auto memory = found.extra.find("memory_bytes");
  if (memory != found.extra.end()) result.memory_bytes = static_cast<size_t>(memory->second);
  return result;
}

std::string WorkloadFitting::verdict(const Entry& chosen) const {
  const std::string tried =
      fmt::format("{} settings tried and {} measured at length", ledger_.size(), verified_.size());
  const std::string text = to_string(budget_);
  if (!options_.budget) {
    return fmt::format("Of {}, this is the knee of the frontier; it keeps {}.", tried, text);
  }
  if (!holds(budget_, *chosen.found)) {
    const bool dear = pressure(budget_, *chosen.found) > 1;
    return fmt::format(
        "Of {}, none keeps {}. This is the nearest: {}.", tried, text,
        dear ? fmt::format("{:.2f} times what is allowed", pressure(budget_, *chosen.found))
             : fmt::format("quality {:.4g}", chosen.found->quality));
  }
  if (chosen.setting == standard_) {
    return fmt::format("Of {}, none that keeps {} is better than the standard setting.", tried,
                       text);
  }
  return fmt::format("Of {}, this is the best that keeps {}.", tried, text);
}

WorkloadFit WorkloadFitting::report() {
  const Entry chosen = choice();
  settle_budget(chosen);
  progress(verify_ends, "quality on test data");
  WorkloadFit result;
  result.problem = options_.problem;
  result.search = options_.search;
  result.objective = objective_name_;
  result.budget = budget_;
  result.budget_was_chosen = !options_.budget;
  result.met = holds(budget_, *chosen.found);
  result.verdict = verdict(chosen);
  result.standard = describe(standard_);
  result.chosen = chosen.setting == standard_ ? result.standard : describe(chosen.setting);
  for (const Knob& knob : workload_.knobs().knobs()) {
    const Value& now = chosen.setting.at(knob.name);
    if (now == knob.standard) continue;
    result.changes.push_back(
        fmt::format("{}: {} -> {}", knob.name, to_string(knob.standard), to_string(now)));
  }
  Frontier frontier;
  for (Entry& entry : tried()) {
    frontier.add(entry);
    result.failed += entry.found ? 0 : 1;
    const bool finalist = verified_.contains(entry.setting);
    const bool is_chosen = entry.setting == chosen.setting;
    result.tried.push_back({std::move(entry), false, finalist, is_chosen});
  }
  for (TriedSetting& each : result.tried) each.on_frontier = frontier.has(each.entry.setting);
  const auto standard =
      std::find_if(result.tried.begin(), result.tried.end(),
                   [&](const TriedSetting& each) { return each.entry.setting == standard_; });
  std::rotate(result.tried.begin(), standard, standard + 1);
  result.stopped = stopped_;
  result.ledger = options_.ledger;
  result.ledger_note = ledger_.dropped();
  result.machine = options_.machine ? *options_.machine : measure::probe_machine(options_.threads);
  result.seed = options_.seed;
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begun_;
  result.seconds = spent.count();
  progress(1, "done");
  return result;
}

WorkloadFit WorkloadFitting::run() {
  evaluate_standard();
  search();
  verify(next_finalists());
  for (int round = 1; round < verification_rounds && may_be_beaten(); ++round) {
    verify(next_finalists());
  }
  return report();
}

}  // namespace detail

WorkloadFit fit_workload(Workload& workload, const WorkloadFitOptions& options) {
  return detail::WorkloadFitting(workload, options).run();
}

int64_t serve_workload(Workload& workload, const WorkloadFitOptions& options,
                       const std::function<int64_t(Evaluator, const KnobSpace&)>& serve) {
  WorkloadFitOptions here = options;
  here.ledger.clear();  // the other process keeps it
  detail::WorkloadFitting fitting(workload, here);
  return serve(fitting.evaluator(), workload.knobs());
}

}  // namespace betimes::fit
